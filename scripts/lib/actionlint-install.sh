# actionlint, which checks the workflows of GitHub Actions, built by Go from its module.
. "$ROOT/scripts/lib/go.sh"

ACTIONLINT_VERSION=v1.7.12
ACTIONLINT_DIR="$CACHE_DIR/actionlint"
ACTIONLINT="$ACTIONLINT_DIR/actionlint"

# It is there, or can be built.
can_have_actionlint() { is_actionlint_built || require_go actionlint; }

is_actionlint_built() { [ -x "$ACTIONLINT" ] && [ "$(cat "$ACTIONLINT_DIR/.stamp" 2>/dev/null)" = "$ACTIONLINT_VERSION" ]; }

ensure_actionlint() { with_lock actionlint install_actionlint; }

install_actionlint() {
  is_actionlint_built && return
  require_go actionlint || return
  GOBIN="$ACTIONLINT_DIR" go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT_VERSION" ||
    { fail 'Go could not build actionlint: is the module proxy (GOPROXY) reachable?'; return; }
  echo "$ACTIONLINT_VERSION" >"$ACTIONLINT_DIR/.stamp"
}
