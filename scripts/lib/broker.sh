# The broker that up.sh brings and down.sh takes away. .run/broker.kind says which kind it is.

# One for each clone, so that two of them do not stop each other's broker.
COMPOSE_PROJECT="batch-$(printf '%s' "$ROOT" | cksum | cut -d' ' -f1)"

# given, compose or apache. An address that up.sh itself wrote to .run/env and that came back by way of the user's
# environment does not count as given: that broker is still ours.
wanted_broker() {
  local address=${KAFKA_BROKERS:-${KAFKA_BOOTSTRAP:-}} kind
  kind=$(cat "$RUN_DIR/broker.kind" 2>/dev/null)
  if [ -n "$kind" ] && [ "$address" = "$(run_env KAFKA_BROKERS)" ]; then
    echo "$kind"
  elif [ -n "$address" ]; then
    echo given
  elif command -v docker >/dev/null && within 5 docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
    echo compose
  else
    echo apache
  fi
}

# Kafka holds a file open for each topic, and serves no job at all once it may open no more: fewer topics than that, and
# what it needs besides. The JVM raises its limit to the hard one by itself, on macOS to 10,240.
limit_topics() {
  local files
  files=$(ulimit -Hn)
  [ "$(uname)" != Darwin ] || files=10240
  [ "$files" = unlimited ] || [ "$files" -ge 21000 ] || export MAX_JOB_TOPICS="${MAX_JOB_TOPICS:-$((files - 1000))}"
}

# Leaves the address in BROKERS.
broker_given() {
  BROKERS=${KAFKA_BROKERS:-$KAFKA_BOOTSTRAP}
  node "$ROOT/scripts/lib/probe.mjs" tcp "$BROKERS" 5 ||
    { fail "Nothing accepts connections at KAFKA_BROKERS=$BROKERS: start that broker, or unset KAFKA_BROKERS to have one started here."; return; }
  STEP_NOTE="yours at $BROKERS"
}

compose() { docker compose --project-name "$COMPOSE_PROJECT" --file "$ROOT/docker-compose.yml" "$@"; }

broker_compose() {
  local port console
  port=$(compose port redpanda 9092 2>/dev/null) && port=${port##*:}
  console=$(compose port console 8080 2>/dev/null) && console=${console##*:}
  if [ -z "$port" ] || [ -z "$console" ]; then
    port=$(free_port 9092) && console=$(free_port 8080) || return
  fi
  BATCH_KAFKA_PORT=$port BATCH_CONSOLE_PORT=$console compose up --detach --wait --wait-timeout 180 redpanda console ||
    { compose logs --tail 40; fail 'Redpanda did not come up under docker compose.'; return; }
  BROKERS="127.0.0.1:$port"
  node "$ROOT/scripts/lib/probe.mjs" kafka "$BROKERS" 30 || { fail "Redpanda does not answer at $BROKERS."; return; }
  STEP_NOTE="Redpanda under docker compose at $BROKERS, console at http://127.0.0.1:$console"
}

broker_apache() {
  local port pid
  if pid=$(daemon_pid broker) && port=$(cat "$RUN_DIR/broker.port" 2>/dev/null); then
    BROKERS="127.0.0.1:$port"
    node "$ROOT/scripts/lib/probe.mjs" kafka "$BROKERS" 30 "$pid" ||
      { fail "Apache Kafka runs (process $pid) but does not answer at $BROKERS: scripts/down.sh, then again."; return; }
    STEP_NOTE="Apache Kafka was up already at $BROKERS"
    return
  fi
  port=$(free_port 9092) || return
  start_daemon broker "$ROOT/scripts/kafka.sh" run --dir "$STACK_DIR/.data/kafka" --port "$port" || return
  echo "$port" >"$RUN_DIR/broker.port"
  BROKERS="127.0.0.1:$port"
  if ! node "$ROOT/scripts/lib/probe.mjs" kafka "$BROKERS" 60 "$(daemon_pid broker)"; then
    tail -n 20 "$RUN_DIR/broker.log" "$STACK_DIR/.data/kafka/broker.log" 2>/dev/null
    fail 'Apache Kafka did not come up; the end of its logs is above.'
    return
  fi
  STEP_NOTE="Apache Kafka at $BROKERS"
}

# stop_broker [--clean]: only what up.sh started.
stop_broker() {
  case $(cat "$RUN_DIR/broker.kind" 2>/dev/null) in
    compose)
      compose down ${1:+--volumes} || return
      STEP_NOTE='Redpanda and its console stopped'
      ;;
    given) STEP_NOTE='yours: left as it is' ;;
    *) stop_daemon broker 20 ;;
  esac
  rm -f "$RUN_DIR/broker.kind" "$RUN_DIR/broker.port"
}
