# fake-gcs-server, a server of Google Cloud Storage's protocol, built by Go from its module: for the tests.
. "$ROOT/scripts/lib/go.sh"

GCS_VERSION=v1.56.1
GCS_SERVER="$CACHE_DIR/fake-gcs-server/fake-gcs-server"

# It is there, or can be built.
can_have_gcs() { is_go_tool_built fake-gcs-server "$GCS_VERSION" || require_go fake-gcs-server; }

ensure_gcs() { with_lock fake-gcs-server install_go_tool fake-gcs-server github.com/fsouza/fake-gcs-server "$GCS_VERSION"; }
