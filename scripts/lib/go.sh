# Go, with which servers for the tests are built from their modules.

# require_go WHAT: whether it is new enough to build that.
require_go() {
  local version minor
  version=$(go env GOVERSION 2>/dev/null)
  minor=${version#go1.} minor=${minor%%[!0-9]*}
  [ "${minor:-0}" -ge 25 ] || fail "Go 1.25 or newer is needed to build $1, and this is ${version:-none}: install it (https://go.dev/dl)."
}
