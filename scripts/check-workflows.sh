#!/usr/bin/env bash
# Checks the workflows of GitHub Actions: every action is pinned to a commit, with its version beside it, and actionlint
# finds nothing. Without Go, actionlint is left out.
set -uo pipefail
for part in common actionlint-install; do . "$(dirname "$0")/lib/$part.sh"; done
case ${1:-} in
  '') ;;
  -h | --help) usage; exit ;;
  *) usage >&2; exit 64 ;;
esac
cd "$ROOT" || exit 1

PINNED='uses: (\./[^ ]+|[^@ ]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+)$'
if grep -nE '^ *(- )?uses:' .github/workflows/*.yml | grep -vE "$PINNED" >&2; then
  fail 'An action is named by its commit (40 digits), and its version stands behind it: owner/name@commit # v1.2.3'
  exit 1
fi

if can_have_actionlint; then
  ensure_actionlint || exit 1
  "$ACTIONLINT" -no-color .github/workflows/*.yml
fi
