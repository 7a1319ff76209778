# versitygw, an S3 server over a folder, built by Go from its module: for the tests.
. "$ROOT/scripts/lib/go.sh"

S3_VERSION=v1.8.0
S3_SERVER="$CACHE_DIR/versitygw/versitygw"

# It is there, or can be built.
can_have_s3() { is_go_tool_built versitygw "$S3_VERSION" || require_go versitygw; }

ensure_s3() { with_lock versitygw install_go_tool versitygw github.com/versity/versitygw/cmd/versitygw "$S3_VERSION"; }
