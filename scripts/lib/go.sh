# Go, with which servers for the tests are built from their modules.

# require_go WHAT [MINOR]: whether it is Go 1.MINOR (25) or newer, to build that.
require_go() {
  local version minor needed=${2:-25}
  version=$(go env GOVERSION 2>/dev/null)
  minor=${version#go1.} minor=${minor%%[!0-9]*}
  [ "${minor:-0}" -ge "$needed" ] || fail "Go 1.$needed or newer is needed to build $1, and this is ${version:-none}: install it (https://go.dev/dl)."
}

# is_go_tool_built NAME VERSION: whether it is in .cache/NAME.
is_go_tool_built() { [ -x "$CACHE_DIR/$1/$1" ] && [ "$(cat "$CACHE_DIR/$1/.stamp" 2>/dev/null)" = "$2" ]; }

# install_go_tool NAME PACKAGE VERSION: builds it from its module into .cache/NAME, unless it is there.
install_go_tool() {
  local name=$1 package=$2 version=$3
  if is_go_tool_built "$name" "$version"; then
    STEP_NOTE="in .cache/$name"
    return
  fi
  require_go "$name" || return
  GOBIN="$CACHE_DIR/$name" go install "$package@$version" ||
    { fail "Go could not build $name: is the module proxy (GOPROXY) reachable?"; return; }
  echo "$version" >"$CACHE_DIR/$name/.stamp" || return
  STEP_NOTE="built $version into .cache/$name"
}
