#!/usr/bin/env bash
# Builds what can be handed on: dist/bin/batch, the command line as one executable that needs no Node.js, and, where
# docker answers, the images batch-ingest-api and batch-cli. Each is tried out; the exit status is 1 when one fails.
set -uo pipefail
for part in common toolchain; do . "$(dirname "$0")/lib/$part.sh"; done

case ${1:-} in
  '') ;;
  -h | --help) usage; exit ;;
  *) usage >&2; exit 64 ;;
esac
cd "$ROOT" || exit 1

build_executable() {
  node scripts/build-executable.mjs || return
  STEP_NOTE="dist/bin/batch, $(($(wc -c <dist/bin/batch) / 1048576)) MiB"
}

# try_out COMMAND...: what that batch does without a service to talk to.
try_out() {
  local version status
  version=$(node -p 'require("./package.json").version')
  [ "$("$@" --version)" = "$version" ] || { fail "$* --version does not print $version."; return; }
  "$@" --help | grep -q '^Usage: batch' || { fail "$* --help does not say how it is used."; return; }
  "$@" no-such-command
  status=$?
  [ $status -eq 64 ] || fail "$* no-such-command ended with exit status $status, expected 64."
}

build_image() { docker build --target "$1" --tag "$2" .; }

step 'Node.js' ensure_node || exit 1
step 'Packages' ensure_packages || exit 1
step 'Build' ensure_build || exit 1
step 'Executable' build_executable || exit 1
step 'Trying it out' try_out env -i dist/bin/batch || exit 1
if command -v docker >/dev/null && within 5 docker info >/dev/null 2>&1; then
  step 'Image of the service' build_image api batch-ingest-api || exit 1
  step 'Image of the CLI' build_image cli batch-cli || exit 1
  step 'Trying it out' try_out docker run --rm batch-cli || exit 1
else
  echo '  No images: docker does not answer here. With docker running, scripts/build.sh builds batch-ingest-api and batch-cli too.'
fi
