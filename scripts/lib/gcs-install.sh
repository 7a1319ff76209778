# fake-gcs-server, a server of Google Cloud Storage's protocol, built by Go from its module: for the tests.
. "$ROOT/scripts/lib/go.sh"

GCS_VERSION=v1.56.1
GCS_DIR="$CACHE_DIR/fake-gcs-server"
GCS_SERVER="$GCS_DIR/fake-gcs-server"

# It is there, or can be built.
can_have_gcs() { is_gcs_built || require_go fake-gcs-server; }

is_gcs_built() { [ -x "$GCS_SERVER" ] && [ "$(cat "$GCS_DIR/.stamp" 2>/dev/null)" = "$GCS_VERSION" ]; }

ensure_gcs() { with_lock fake-gcs-server install_gcs; }

install_gcs() {
  if is_gcs_built; then
    STEP_NOTE='in .cache/fake-gcs-server'
    return
  fi
  require_go fake-gcs-server || return
  GOBIN="$GCS_DIR" go install "github.com/fsouza/fake-gcs-server@$GCS_VERSION" ||
    { fail 'Go could not build fake-gcs-server: is the module proxy (GOPROXY) reachable?'; return; }
  echo "$GCS_VERSION" >"$GCS_DIR/.stamp" || return
  STEP_NOTE="built $GCS_VERSION into .cache/fake-gcs-server"
}
