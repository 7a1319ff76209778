# actionlint, which checks the workflows of GitHub Actions, built by Go from its module.
. "$ROOT/scripts/lib/go.sh"

ACTIONLINT_VERSION=v1.7.12
ACTIONLINT="$CACHE_DIR/actionlint/actionlint"

# It is there, or can be built.
can_have_actionlint() { is_go_tool_built actionlint "$ACTIONLINT_VERSION" || require_go actionlint; }

ensure_actionlint() { with_lock actionlint install_go_tool actionlint github.com/rhysd/actionlint/cmd/actionlint "$ACTIONLINT_VERSION"; }
