#!/usr/bin/env bash
# The end-to-end tests that take minutes each, which scripts/test.sh leaves out: runners that freeze, a broker that takes
# little or refuses the password, topics that go offline, kills at every step of a creation and of a purge, and failures
# that alerts have to tell of. Takes about three quarters of an hour.
set -uo pipefail
for part in common toolchain kafka-install; do . "$(dirname "$0")/lib/$part.sh"; done
cd "$ROOT" || exit 1
case ${1:-} in
  '') ;;
  -h | --help) usage; exit ;;
  *) usage >&2; exit 64 ;;
esac

step 'Node.js' ensure_node || exit 1
step 'Packages' ensure_packages || exit 1
step 'Apache Kafka' ensure_kafka || exit 1
step 'Build' ensure_build || exit 1
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning \
  node_modules/jest/bin/jest.js --selectProjects slow --runInBand
