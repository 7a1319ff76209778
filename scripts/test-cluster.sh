#!/usr/bin/env bash
# The end-to-end tests with an API and workers, each a process, on a PostgreSQL, in place of the one process that
# scripts/test.sh tests. Takes about a quarter of an hour. Arguments go to Jest: paths of tests, for example.
set -uo pipefail
for part in common toolchain kafka-install postgres-install; do . "$(dirname "$0")/lib/$part.sh"; done
cd "$ROOT" || exit 1
case ${1:-} in
  -h | --help) usage '[JEST ARGUMENTS]'; exit ;;
esac

step 'Node.js' ensure_node || exit 1
step 'Packages' ensure_packages || exit 1
step 'Apache Kafka' ensure_kafka || exit 1
step 'PostgreSQL' ensure_postgres || exit 1
step 'Build' ensure_build || exit 1
export E2E_COMPOSITION=cluster
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning \
  node_modules/jest/bin/jest.js --selectProjects e2e --maxWorkers 2 "$@"
