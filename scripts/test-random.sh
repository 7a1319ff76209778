#!/usr/bin/env bash
# The property tests with examples of other seeds, which scripts/test.sh runs with one seed only. Prints each seed before
# it is used; PROPERTY_SEED=N npm test repeats it. The exit status is 1 if any round fails.
set -uo pipefail
for part in common toolchain; do . "$(dirname "$0")/lib/$part.sh"; done
cd "$ROOT" || exit 1

rounds=10
case ${1:-} in
  '') ;;
  -h | --help) usage '[ROUNDS]'; exit ;;
  *[!0-9]*) usage '[ROUNDS]' >&2; exit 64 ;;
  *) rounds=$1 ;;
esac

step 'Node.js' ensure_node || exit 1
step 'Packages' ensure_packages || exit 1
files=$(grep -rlE "from 'fast-check'" test --include='*.test.ts')
# What a shared suite or generator draws is drawn by the tests beside it.
files="$files $(grep -rlE "reader-contract|damage|normalize-inputs|structured-file" test --include='*.test.ts')"
status=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for ((round = 1; round <= rounds; round++)); do
  export PROPERTY_SEED=$((RANDOM * 32768 + RANDOM))
  printf 'round %s of %s, seed %s\n' "$round" "$rounds" "$PROPERTY_SEED"
  # shellcheck disable=SC2086
  node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js $files \
    --selectProjects unit >"$log" 2>&1 || { grep -v '^PASS' "$log"; status=1; }
done
exit $status
