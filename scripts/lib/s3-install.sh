# versitygw, an S3 server over a folder, built by Go from its module: for the tests.

S3_VERSION=v1.8.0
S3_SERVER="$CACHE_DIR/versitygw/versitygw"

ensure_s3() { with_lock versitygw install_s3; }

install_s3() {
  if [ -x "$S3_SERVER" ] && [ "$(cat "$CACHE_DIR/versitygw/.stamp" 2>/dev/null)" = "$S3_VERSION" ]; then
    STEP_NOTE='in .cache/versitygw'
    return
  fi
  if ! command -v go >/dev/null; then
    STEP_NOTE='no Go to build it with: the tests of S3 are skipped'
    fail 'Go is needed to build versitygw: install it (apt-get install golang, brew install go).'
    return
  fi
  GOBIN="$CACHE_DIR/versitygw" go install "github.com/versity/versitygw/cmd/versitygw@$S3_VERSION" ||
    { fail 'Go could not build versitygw: is the module proxy (GOPROXY) reachable?'; return; }
  echo "$S3_VERSION" >"$CACHE_DIR/versitygw/.stamp" || return
  STEP_NOTE="built $S3_VERSION into .cache/versitygw"
}
