#!/usr/bin/env bash
# Every check there is: types, build, lint, module boundaries, unused code, scripts, workflows, unit and property tests, the
# end-to-end tests and a short crash programme, each against an Apache Kafka of its own. Needs nothing running, and what
# runs already does not matter.
# Closes with "N passed, N failed"; the exit status is 1 where anything failed.
set -uo pipefail
for part in common toolchain actionlint-install kafka-install s3-install gcs-install azure-install otelcol-install postgres-install redis-install clickhouse-install prometheus-install; do . "$(dirname "$0")/lib/$part.sh"; done
case ${1:-} in
  '') ;;
  -h | --help) usage; exit ;;
  *) usage >&2; exit 64 ;;
esac
cd "$ROOT" || exit 1

WORK=$(mktemp -d "${TMPDIR:-/tmp}/batch-test.XXXXXX") || exit 1
mkdir "$WORK/tmp" "$WORK/results"
# Tests that are run as root become another user to see what that one may read.
chmod 711 "$WORK"
export TMPDIR="$WORK/tmp"
# Thousands of processes and threads load the same programs: they compile each once.
export NODE_COMPILE_CACHE="$WORK/compiled"
# Settings of a running stack or of the user's own service are none of the tests' business.
unset BATCH_API_URL KAFKA_JVM_FLAGS KAFKA_BROKERS KAFKA_BOOTSTRAP KAFKA_CLIENT_ID KAFKA_TOPIC_PREFIX KAFKA_ADOPT_PREFIX KAFKA_REPLICATION_FACTOR KAFKA_UNAVAILABLE_AFTER_MS JOB_MAX_ATTEMPTS E2E_KAFKA_BROKERS HOST PORT AUTH RATE_LIMIT RATE_LIMIT_WRONG_KEYS \
  KAFKA_SSL KAFKA_SSL_CA KAFKA_SSL_CERT KAFKA_SSL_KEY KAFKA_SASL_MECHANISM KAFKA_SASL_USERNAME KAFKA_SASL_PASSWORD \
  ${!KAFKA_SASL_OAUTHBEARER_*} KAFKA_SASL_AWS_REGION ${!AWS_*} \
  ALLOWED_HOSTS ALLOWED_ORIGINS ROLE METRICS_PORT DRAIN_MS MIGRATE DATA_DIR DATABASE_URL DATABASE_DIRECT_URL QUEUE_URL STORAGE_URL S3_ENDPOINT S3_PATH_STYLE UPLOAD_BUFFER_BYTES STACK_DIR LOG_LEVEL ERRORS_LOG ERRORS_LOG_MAX_BYTES ERRORS_LOG_FILES MAX_UPLOAD_BYTES MIN_FREE_BYTES MAX_UPLOADS UPLOAD_IDLE_MS MIN_UPLOAD_RATE DOWNLOAD_IDLE_MS MAX_JOB_TOPICS SPOOL_KEEP_HOURS JOB_KEEP_DAYS JOB_CONCURRENCY RUNNER_MAX_RSS_BYTES \
  SOURCES SOURCE_CONNECTIONS MAX_SOURCE_BYTES FEED_HISTORY_DAYS CLICKHOUSE_URL POSTGRES_SINK_URL DEFAULT_SINKS ${!SINK_*} ${!OTEL_*} \
  NODE_OPTIONS FORCE_COLOR
export NO_COLOR=1
LANES=''

end_everything() {
  local lane
  {
    for lane in $LANES; do kill -KILL -- "-$lane"; done
    wait
  } 2>/dev/null
  rm -rf "$WORK"
}
trap end_everything EXIT
trap 'echo; echo interrupted; exit 130' INT TERM HUP

# Without colours and links, which some tools print whatever they are told.
plain() { sed $'s/\033\\[[0-9;]*m//g; s/\033]8;;[^\033]*\033\\\\//g'; }

close() {
  local passed=0 failed=0 file p f
  for file in "$WORK"/results/*; do
    [ -f "$file" ] || continue
    read -r p f <"$file"
    passed=$((passed + p)) failed=$((failed + f))
    [ "$f" -eq 0 ] || { printf '\n── %s ──\n' "${file##*/}"; plain <"$WORK/${file##*/}.log" | tail -n 200; }
  done
  printf '\n%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
  exit
}

# report NAME PASSED FAILED STARTED
report() {
  local word=ok
  [ "$3" -eq 0 ] || word=FAILED
  echo "$2 $3" >"$WORK/results/$1"
  printf '  %-22s%s%s (%s s)\n' "$1" "$word" "$([ $(($2 + $3)) -eq 1 ] || echo ", $2 of $(($2 + $3)) tests")" "$(seconds_since "$4")"
}

# check NAME COMMAND...: one check, its output kept for the end.
check() {
  local name=$1 started
  shift
  stop_without_parent
  started=$(now_ms)
  if "$@" >"$WORK/$name.log" 2>&1; then report "$name" 1 0 "$started"; else report "$name" 0 1 "$started"; fi
}

# jest_check NAME PROJECT WORKERS: every test counts. Trouble that no test stands for (a file that does not load, a failed
# set-up or tear-down) counts as one failure more.
jest_check() {
  local name=$1 started counts status
  stop_without_parent
  started=$(now_ms)
  node --experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning \
    node_modules/jest/bin/jest.js --ci --selectProjects "$2" --maxWorkers "$3" --json --outputFile "$WORK/$name.json" >"$WORK/$name.log" 2>&1
  status=$?
  counts=$(node -e '
    const r = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    const failed = r.numFailedTests + r.numRuntimeErrorTestSuites;
    console.log(r.numPassedTests, failed > 0 || process.argv[2] === "0" ? failed : 1);
  ' "$WORK/$name.json" $status 2>/dev/null) || counts='0 1'
  report "$name" ${counts% *} ${counts#* } "$started"
  skipped_tests "$WORK/$name.json"
}

# skipped_tests FILE: names what this machine lacks something for.
skipped_tests() {
  node -e '
    const { testResults } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    for (const { fullName, status } of testResults.flatMap((file) => file.assertionResults)) {
      if (status === "pending") console.log(`  skipped: ${fullName}`);
    }
  ' "$1" 2>/dev/null
}

# A lane whose test.sh was killed outright ends with its current check.
stop_without_parent() {
  kill -0 $$ 2>/dev/null || { rm -rf "$WORK"; exit 1; }
}

give_up() {
  echo '0 1' >"$WORK/results/set-up"
  echo 'The set-up failed, see above: no check was run.' >"$WORK/set-up.log"
  close
}

shell_syntax() {
  local file status=0
  for file in scripts/*.sh scripts/lib/*.sh .ci/run; do bash -n "$file" || status=1; done
  return $status
}

built_checks() {
  check build ensure_build
  # Three side by side on two cores, as much of their time goes into waiting. Each end-to-end test has its own topic prefix, and a
  # broker of its own if it stops one.
  jest_check unit-tests unit 3
  jest_check end-to-end-tests e2e 3
  check crash-programme npm run -s test:crash -- --short
}

static_checks() {
  check types npm run -s types
  check lint npm run -s lint
  check boundaries npm run -s boundaries
  check unused-code npm run -s unused
  check words node scripts/check-words.mjs
  check docs node scripts/docs.mjs "$WORK/help"
  check workflows scripts/check-workflows.sh
  can_have_actionlint 2>/dev/null || echo '  skipped: actionlint, which Go builds'
  check shell-syntax shell_syntax
  if can_have_prometheus 2>/dev/null; then check alerts scripts/prometheus.sh check; else echo '  skipped: alerts'; fi
}

wait_for_kafka() {
  wait "$kafka" || { cat "$WORK/kafka.log"; return 1; }
  STEP_NOTE='in .cache/kafka'
}

# Everything that goes on beside this shell is in a process group of its own, so that nothing of it can be left.
set -m
ensure_kafka >"$WORK/kafka.log" 2>&1 </dev/null &
kafka=$!
# The tests that need it wait for it, or are skipped if it cannot be built here.
ensure_s3 >"$WORK/s3.log" 2>&1 </dev/null &
s3=$!
ensure_gcs >"$WORK/gcs.log" 2>&1 </dev/null &
gcs=$!
ensure_otelcol >"$WORK/otelcol.log" 2>&1 </dev/null &
otelcol=$!
LANES="$kafka $s3 $gcs $otelcol"
set +m
step 'Node.js' ensure_node || give_up
step 'Packages' ensure_packages || give_up
step 'Apache Kafka' wait_for_kafka || give_up
step 'PostgreSQL' ensure_postgres || give_up
step 'Azurite' ensure_azure || give_up
# The tests that need them are skipped if they cannot be had here.
! can_have_clickhouse 2>/dev/null || step 'ClickHouse' ensure_clickhouse || give_up
! can_have_redis 2>/dev/null || step 'Redis' ensure_redis || give_up
! can_have_prometheus 2>/dev/null || step 'Prometheus' ensure_prometheus || give_up
# What the set-up may have needed to reach a registry would make services trust and ask what no test says.
unset NODE_EXTRA_CA_CERTS NODE_USE_ENV_PROXY

# Two lanes side by side, each in a process group of its own so that nothing of it can be left.
set -m
built_checks </dev/null &
export NO_COLOR=1
LANES="$s3 $gcs $otelcol $!"
static_checks </dev/null &
export NO_COLOR=1
LANES="$LANES $!"
set +m
wait
close
