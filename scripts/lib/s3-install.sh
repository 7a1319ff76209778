# versitygw, an S3 server over a folder, built by Go from its module: for the tests.
. "$ROOT/scripts/lib/go.sh"

S3_VERSION=v1.8.0
S3_DIR="$CACHE_DIR/versitygw"
S3_SERVER="$S3_DIR/versitygw"

# It is there, or can be built.
can_have_s3() { is_s3_built || require_go versitygw; }

is_s3_built() { [ -x "$S3_SERVER" ] && [ "$(cat "$S3_DIR/.stamp" 2>/dev/null)" = "$S3_VERSION" ]; }

ensure_s3() { with_lock versitygw install_s3; }

install_s3() {
  if is_s3_built; then
    STEP_NOTE='in .cache/versitygw'
    return
  fi
  require_go versitygw || return
  GOBIN="$S3_DIR" go install "github.com/versity/versitygw/cmd/versitygw@$S3_VERSION" ||
    { fail 'Go could not build versitygw: is the module proxy (GOPROXY) reachable?'; return; }
  echo "$S3_VERSION" >"$S3_DIR/.stamp" || return
  STEP_NOTE="built $S3_VERSION into .cache/versitygw"
}
