#!/usr/bin/env bash
# Measures speed, latency, memory and start-up on this machine, against an Apache Kafka of its own, and writes
# bench/RESULTS.md. Takes some minutes; `npm run bench` calls it.
set -uo pipefail
for part in common toolchain kafka-install; do . "$(dirname "$0")/lib/$part.sh"; done
case ${1:-} in
  '') ;;
  -h | --help) usage; exit ;;
  *) usage >&2; exit 64 ;;
esac
cd "$ROOT" || exit 1
unset BATCH_API_URL KAFKA_BROKERS KAFKA_BOOTSTRAP HOST PORT DATA_DIR

step 'Node.js' ensure_node || exit
step 'Packages' ensure_packages || exit
step 'Apache Kafka' ensure_kafka || exit
step 'Build' ensure_build || exit
exec node --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning \
  --import ./test/kit/typescript-hooks.mjs test/bench/main.ts
