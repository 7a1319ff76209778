# Go, with which servers for the tests are built from their modules.

# require_go WHAT [MINOR]: whether it is Go 1.MINOR (25) or newer, to build that.
require_go() {
  local version minor needed=${2:-25}
  version=$(go env GOVERSION 2>/dev/null)
  minor=${version#go1.} minor=${minor%%[!0-9]*}
  [ "${minor:-0}" -ge "$needed" ] || fail "Go 1.$needed or newer is needed to build $1, and this is ${version:-none}: install it (https://go.dev/dl)."
}
