# What up.sh --sinks brings and down.sh takes away beside the service: a PostgreSQL, and ClickHouse's engine (chDB) behind
# its HTTP interface, which is for trying things out: there is no server to be had without Docker.

SINKS_DIR="$STACK_DIR/.data/sinks"
SINK_DAEMONS='sink-clickhouse sink-postgres'

are_sinks_up() {
  local name
  for name in $SINK_DAEMONS; do
    ! daemon_pid "$name" >/dev/null || return 0
  done
  return 1
}

# Exports POSTGRES_SINK_URL.
sink_postgres() {
  if [ -n "${POSTGRES_SINK_URL:-}" ]; then
    STEP_NOTE='yours, of POSTGRES_SINK_URL'
    return
  fi
  ensure_postgres && with_ports start_sink_postgres
}

start_sink_postgres() {
  start_at_port sink-postgres 5433 "$ROOT/scripts/postgres.sh" run --dir "$SINKS_DIR/postgres" --port @PORT || return
  export POSTGRES_SINK_URL="postgres://batch@127.0.0.1:$AT_PORT/postgres"
  wait_until_up sink-postgres postgres "$POSTGRES_SINK_URL" || return
  STEP_NOTE="at $POSTGRES_SINK_URL"
}

# Exports CLICKHOUSE_URL.
sink_clickhouse() {
  if [ -n "${CLICKHOUSE_URL:-}" ]; then
    STEP_NOTE='yours, of CLICKHOUSE_URL'
    return
  fi
  ensure_clickhouse && with_ports start_sink_clickhouse
}

start_sink_clickhouse() {
  mkdir -p "$SINKS_DIR/clickhouse"
  start_at_port sink-clickhouse 8123 "$ROOT/scripts/clickhouse.sh" run --dir "$SINKS_DIR/clickhouse" --port @PORT || return
  export CLICKHOUSE_URL="http://127.0.0.1:$AT_PORT/default"
  wait_until_up sink-clickhouse http "http://127.0.0.1:$AT_PORT/ping" || return
  STEP_NOTE="at $CLICKHOUSE_URL (its engine as a library, for trying things out)"
}

stop_sinks() {
  local name status=0
  for name in $SINK_DAEMONS; do
    stop_daemon "$name" 15 || status=1
  done
  STEP_NOTE='stopped'
  return $status
}
