#!/usr/bin/env bash
# Shows the main job on the files in samples/, from nothing: set-up, broker, service, a model, a good and a partly bad
# file, and what is in Kafka afterwards. The exit status is 1 when any count is not the expected one.
# On a terminal the stack stays up to play with; otherwise, or with --stop, it is taken down again, however this ends.
set -uo pipefail
for part in common daemons; do . "$(dirname "$0")/lib/$part.sh"; done
cd "$ROOT" || exit 1

# Of its own, so that the first names a reader of the README thinks of are free.
MODEL=demo_orders
# What is in the sample files: the rows of each, and how many of them do not fit schemas/orders.json.
GOOD=samples/orders.csv GOOD_ROWS=200
MIXED=samples/orders-with-errors.csv MIXED_ROWS=40 MIXED_ERRORS=10

stop=''
case ${1:-} in
  '') ;;
  --stop) stop=yes ;;
  -h | --help) usage '[--stop]'; exit ;;
  *) usage '[--stop]' >&2; exit 64 ;;
esac
# A stack that somebody had brought up before belongs to them.
[ -t 1 ] || daemon_pid service >/dev/null || stop=yes

end() {
  trap - EXIT INT TERM HUP
  if [ -n "$stop" ]; then
    heading 'Taking the stack down'
    "$ROOT/scripts/down.sh"
  elif daemon_pid service >/dev/null; then
    heading 'The stack is still up'
    echo "  Try your own file:  bin/batch model create NAME SCHEMA.json && bin/batch job create NAME FILE.csv --wait"
    echo '  Stop it:            scripts/down.sh          (--clean also removes its data)'
  fi
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

heading() { printf '\n%s\n' "── $* ──"; }
explain() { printf '  %s\n' "$@"; }
shown() { printf '\n  $ %s\n' "$*"; "$@" | sed 's/^/  /'; }

# field NAME[.NAME]: that member of the JSON object on standard input.
field() {
  node -e '
    const value = process.argv[1].split(".").reduce((v, name) => v?.[name], JSON.parse(require("node:fs").readFileSync(0, "utf8")));
    if (value === undefined || value === null) process.exit(1);
    console.log(value);
  ' "$1"
}

wrong=0
# expect WHAT FOUND EXPECTED
expect() {
  if [ "$2" = "$3" ]; then
    printf '  ✓ %s: %s\n' "$1" "$2"
  else
    printf '  ✗ %s: %s, expected %s\n' "$1" "${2:-nothing}" "$3"
    wrong=1
  fi
}

read_topic() { node --disable-warning=TimeoutNegativeWarning scripts/read-topic.mjs "$@"; }

# ingest FILE STATUS: runs the job to its end, expects that exit status of the CLI, leaves the job in JOB.
ingest() {
  local status
  printf '\n  $ bin/batch job create %s %s --wait\n' "$MODEL" "$1"
  JOB=$(bin/batch job create "$MODEL" "$1" --wait --output json)
  status=$?
  if [ $status -ne "$2" ]; then
    echo "$JOB"
    fail "  ✗ bin/batch ended with exit status $status, expected $2"
    exit 1
  fi
  printf '  job %s: %s\n' "$(field job_id <<<"$JOB")" "$(field state <<<"$JOB")"
}

# check_counts ROWS ERRORS: the job's own totals, and what a consumer finds in its two topics.
check_counts() {
  expect 'rows in the file' "$(field totals.rows <<<"$JOB")" "$1"
  expect 'accepted' "$(field totals.ok <<<"$JOB")" $(($1 - $2))
  expect 'rejected' "$(field totals.errors <<<"$JOB")" "$2"
  expect "records in topic $(field topics.data <<<"$JOB")" "$(read_topic "$(field topics.data <<<"$JOB")" --count)" $(($1 - $2))
  expect "records in topic $(field topics.dlq <<<"$JOB")" "$(read_topic "$(field topics.dlq <<<"$JOB")" --count)" "$2"
}

heading 'Batch: files in, validated rows in Kafka, exactly once'
explain 'Toolchain, broker and service come first; what is there already is used as it is.' ''
scripts/up.sh || exit 1
# The scripts above may have fetched Node for themselves.
. scripts/lib/toolchain.sh
ensure_node || exit 1
. "$RUN_DIR/env"

heading 'A model says what a row must look like'
if bin/batch model describe "$MODEL" >/dev/null 2>&1; then
  explain "The model '$MODEL' is there from an earlier run."
else
  printf '  $ bin/batch model create %s schemas/orders.json --id %s\n' "$MODEL" "$MODEL"
  bin/batch model create "$MODEL" schemas/orders.json --id "$MODEL" >/dev/null || exit 1
fi
shown bin/batch model describe "$MODEL" --output table

heading "A good file: $GOOD"
ingest "$GOOD" 0
check_counts "$GOOD_ROWS" 0
good_topic=$(field topics.data <<<"$JOB")
if [ "$(read_topic "$good_topic" | cksum)" = "$(tail -n +2 "$GOOD" | cksum)" ]; then
  explain '✓ the topic holds the rows of the file, byte for byte and in order'
else
  explain '✗ the topic is not the rows of the file'
  wrong=1
fi

heading "A partly bad file: $MIXED"
explain "Bad rows do not stop the good ones (exit status 2 tells them from a clean run)."
ingest "$MIXED" 2
check_counts "$MIXED_ROWS" "$MIXED_ERRORS"
dlq_topic=$(field topics.dlq <<<"$JOB")

heading 'The jobs'
shown bin/batch job list --model "$MODEL" --limit 5 --output table

heading "Why rows were rejected: every error of every bad row is in the topic $dlq_topic"
read_topic "$dlq_topic" | node scripts/lib/rejected-table.mjs

heading "What a consumer reads: the first records of the topic $good_topic"
explain 'Each is one row, its bytes as they were in the file (this one reads only what is committed).'
read_topic "$good_topic" --limit 5 | sed 's/^/  /'

heading 'Result'
if [ $wrong -eq 0 ]; then
  explain 'Every count is as expected: each row of both files is in exactly one topic, exactly once.'
else
  explain 'Some counts are NOT as expected: see ✗ above.'
fi
exit $wrong
