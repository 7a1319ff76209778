#!/usr/bin/env bash
# Measures speed, latency, memory and start-up on this machine, against an Apache Kafka of its own, and writes
# bench/RESULTS.md. `npm run bench` calls it. Linux only; takes about 20 minutes and 9 GB of disk, and wants the machine
# for itself.
#   --quick       small inputs, one round: in two minutes, whether everything works; prints only
#   --only PART   one part, or several by several of these: starts, kernel, latency, speed, rejects, observability (traces
#                 and ERRORS_LOG on and off),
#                 options, formats (Parquet against DuckDB for Python, where there is one), claims (a queue of
#                 100,000 jobs in PostgreSQL and SQLite), workers (one to three on PostgreSQL), sinks
#                 (loads into ClickHouse and PostgreSQL), sources (a file in a local folder and in S3 against the same
#                 one uploaded), feeds (10,000 small files; a listing of 100,000 that are known); prints only
#   --rounds N    of what is compared, instead of 3.
#   --against COMMIT   this tree and that commit, which is built beside it, in turn: starts, latency, health (/healthz
#                 beside jobs of one row), jobs, or what of them --only names; prints only.
set -uo pipefail
for part in common toolchain kafka-install; do . "$(dirname "$0")/lib/$part.sh"; done
OPTIONS='[--quick] [--only PART]... [--rounds N] [--against COMMIT]'
against='' is_value=false previous=''
for arg; do
  [ "$previous" != --against ] || against=$arg
  case $arg in --against=*) against=${arg#*=} ;; esac
  previous=$arg
  if "$is_value"; then is_value=false && continue; fi
  case $arg in
    -h | --help) usage "$OPTIONS"; exit ;;
    --only | --rounds | --against) is_value=true ;;
    --quick | --only=* | --rounds=* | --against=*) ;;
    *) usage "$OPTIONS" >&2; exit 64 ;;
  esac
done
cd "$ROOT" || exit 1

# Leaves the folder of the other commit, built, in BENCH_AGAINST.
build_other() {
  local commit
  commit=$(git rev-parse --verify --quiet "$against^{commit}") || { fail "There is no commit $against here."; return; }
  export BENCH_AGAINST="$CACHE_DIR/bench/$commit"
  STEP_NOTE="in .cache/bench/${commit:0:7}"
  [ ! -f "$BENCH_AGAINST/dist/.batch-stamp" ] || return 0
  rm -rf "$BENCH_AGAINST"
  mkdir -p "$BENCH_AGAINST" && git archive "$commit" | tar -x -C "$BENCH_AGAINST" || return
  # An older lock file may not be complete: npm install takes it all the same.
  (cd "$BENCH_AGAINST" && { npm ci --no-audit --no-fund || npm install --no-audit --no-fund; } && npm run -s build) || return
  touch "$BENCH_AGAINST/dist/.batch-stamp"
}
unset BATCH_API_URL KAFKA_BROKERS KAFKA_BOOTSTRAP HOST PORT DATA_DIR

step 'Node.js' ensure_node || exit
step 'Packages' ensure_packages || exit
step 'Apache Kafka' ensure_kafka || exit
step 'Build' ensure_build || exit
[ -z "$against" ] || step 'The other commit' build_other || exit
exec node --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning \
  --import ./test/kit/typescript-hooks.mjs bench/main.ts "$@"
