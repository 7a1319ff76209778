#!/usr/bin/env bash
# Measures speed, latency, memory and start-up on this machine, against an Apache Kafka of its own, and writes
# bench/RESULTS.md. `npm run bench` calls it. Linux only; takes about 20 minutes and 9 GB of disk, and wants the machine
# for itself.
#   --quick       small inputs, one round: in two minutes, whether everything works; prints only
#   --only PART   one part, or several by several of these: starts, kernel, latency, speed, rejects,
#                 options, formats (Parquet against DuckDB for Python, where there is one); prints only
#   --rounds N    of what is compared, instead of 3.
set -uo pipefail
for part in common toolchain kafka-install; do . "$(dirname "$0")/lib/$part.sh"; done
OPTIONS='[--quick] [--only PART]... [--rounds N]'
is_value=false
for arg; do
  if "$is_value"; then is_value=false && continue; fi
  case $arg in
    -h | --help) usage "$OPTIONS"; exit ;;
    --only | --rounds) is_value=true ;;
    --quick | --only=* | --rounds=*) ;;
    *) usage "$OPTIONS" >&2; exit 64 ;;
  esac
done
cd "$ROOT" || exit 1
unset BATCH_API_URL KAFKA_BROKERS KAFKA_BOOTSTRAP HOST PORT DATA_DIR

step 'Node.js' ensure_node || exit
step 'Packages' ensure_packages || exit
step 'Apache Kafka' ensure_kafka || exit
step 'Build' ensure_build || exit
exec node --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning \
  --import ./test/kit/typescript-hooks.mjs test/bench/main.ts "$@"
