#!/usr/bin/env bash
# Kills, freezes and cuts off what takes part in a job, against an Apache Kafka of its own, and compares both topics with
# the file after each time. --brokers: three brokers. --cluster: APIs and workers on PostgreSQL, Redis and S3. --sinks: the
# sinks' databases, too. Takes about an hour, with --short about a minute; `npm run test:crash` calls it.
set -uo pipefail
for part in common toolchain kafka-install; do . "$(dirname "$0")/lib/$part.sh"; done
cd "$ROOT" || exit 1
unset BATCH_API_URL KAFKA_BROKERS KAFKA_BOOTSTRAP HOST PORT DATA_DIR

programme() {
  exec node --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning --experimental-transform-types \
    --import ./test/kit/typescript-hooks.mjs test/crash/main.ts "$@"
}

case ${1:-} in
  -h | --help) ensure_node >/dev/null && programme --help ;;
esac
step 'Node.js' ensure_node || exit
step 'Packages' ensure_packages || exit
step 'Apache Kafka' ensure_kafka || exit
step 'Build' ensure_build || exit
programme "$@"
