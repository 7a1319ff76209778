#!/usr/bin/env bash
# Feeds a running service what its contract allows and what it forbids, as made up by schemathesis, and looks at every
# answer: a broker and a service of its own on free ports, ended with the run. Not part of test.sh, because it takes
# minutes and fetches schemathesis from PyPI (once, into .cache/schemathesis; needs Python 3.10 or newer).
#   schemathesis.sh [ARG...]   further arguments go to `schemathesis run`, for example --seed 1 --phases coverage
# The exit status is schemathesis's own: 1 where it found something.
set -uo pipefail
for part in common ports toolchain kafka-install daemons; do . "$(dirname "$0")/lib/$part.sh"; done
cd "$ROOT" || exit 1

VERSION=4.32.5
VENV="$CACHE_DIR/schemathesis"
EXAMPLES=60
SECONDS_AT_MOST=180
WORK=$(mktemp -d "${TMPDIR:-/tmp}/batch-schemathesis.XXXXXX") || exit 1
# The daemons of this run only, beside a stack that may be up.
RUN_DIR="$WORK/run"

end() {
  trap - EXIT INT TERM HUP
  stop_daemon service 15
  stop_daemon broker 20
  rm -rf "$WORK"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

ensure_schemathesis() { with_lock schemathesis install_schemathesis; }

install_schemathesis() {
  local version="schemathesis, version $VERSION"
  STEP_NOTE="$VERSION in .cache/schemathesis"
  [ "$("$VENV/bin/schemathesis" --version 2>/dev/null)" = "$version" ] && return
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    { fail 'Python 3.10 or newer is needed to run schemathesis.'; return; }
  python3 -m venv --clear "$VENV" && "$VENV/bin/pip" install --quiet "schemathesis==$VERSION"
}

start_broker() {
  local port
  port=$(free_port 19092) || return
  BROKERS="127.0.0.1:$port"
  start_daemon broker "$ROOT/scripts/kafka.sh" run --dir "$WORK/kafka" --port "$port" || return
  node "$ROOT/scripts/lib/probe.mjs" kafka "$BROKERS" 60 "$(daemon_pid broker)" ||
    { tail -n 20 "$RUN_DIR/broker.log"; fail "The broker does not answer at $BROKERS."; return; }
  STEP_NOTE="at $BROKERS"
}

start_service() {
  local port
  port=$(free_port 18000) || return
  URL="http://127.0.0.1:$port"
  HOST=127.0.0.1 PORT=$port KAFKA_BROKERS=$BROKERS DATA_DIR="$WORK/data" MIN_FREE_BYTES=0 \
    start_daemon service node "$ROOT/dist/main.js" || return
  node "$ROOT/scripts/lib/probe.mjs" http "$URL/healthz" 30 "$(daemon_pid service)" ||
    { tail -n 20 "$RUN_DIR/service.log"; fail "The service does not answer at $URL."; return; }
  # The contract's examples name this one.
  curl -fsS "$URL/models" -H 'content-type: application/json' \
    -d '{"id": "orders", "name": "orders", "schema": {"id": "String", "qty": "Int32"}}' || return
  STEP_NOTE="at $URL"
}

step 'Node.js' ensure_node || exit 1
step 'Packages' ensure_packages || exit 1
step 'Build' ensure_build || exit 1
step 'Apache Kafka' ensure_kafka || exit 1
step 'Schemathesis' ensure_schemathesis || exit 1
step 'Broker' start_broker || exit 1
step 'Service' start_service || exit 1

# It leaves a folder behind where it runs.
cd "$WORK" || exit 1
"$VENV/bin/schemathesis" --config-file "$ROOT/scripts/schemathesis.toml" run "$URL/openapi.json" \
  --max-examples "$EXAMPLES" --max-time "$SECONDS_AT_MOST" --request-timeout 20 --continue-on-failure \
  --generation-database none "$@"
status=$?
if grep -q -E '"level":"(error|fatal)"' "$RUN_DIR/service.log"; then
  echo 'Errors in the log of the service:'
  grep -E '"level":"(error|fatal)"' "$RUN_DIR/service.log" | head -n 20
  [ $status -ne 0 ] || status=1
fi
exit $status
