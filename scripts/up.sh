#!/usr/bin/env bash
# Brings everything up and says where: toolchain, broker, service. Run again, it starts only what is not up.
# The broker is KAFKA_BROKERS if that is set; else Redpanda where docker answers; else Apache Kafka from Maven Central.
# The service's settings (PORT, LOG_LEVEL, MAX_UPLOAD_BYTES, …) are taken from the environment; if those of sources (SOURCES,
# SOURCE_CONNECTIONS) have changed, a service that runs is started again. down.sh stops it all.
# With --cluster the service is two APIs behind a balancer and three workers, on a PostgreSQL, a Redis and an S3 server that
# are started too, unless DATABASE_URL, QUEUE_URL and STORAGE_URL are set.
# With --sinks a PostgreSQL and a ClickHouse to load rows into are started, unless POSTGRES_SINK_URL and CLICKHOUSE_URL are
# set: the service then knows both.
set -uo pipefail
for part in common ports toolchain kafka-install postgres-install redis-install s3-install clickhouse-install daemons broker cluster sinks; do . "$(dirname "$0")/lib/$part.sh"; done

# What the running service was started with: other code, broker, data or sources means that it has to be started anew.
# A checksum, since the URLs may hold passwords.
service_identity() { echo "$(build_inputs) $BROKERS $HOST ${AUTH:-} $DATA_DIR ${CLICKHOUSE_URL:-} ${POSTGRES_SINK_URL:-} $(source_settings)" | cksum; }

ensure_service() {
  local pid port url
  if pid=$(daemon_pid service) && [ "$(cat "$RUN_DIR/service.identity" 2>/dev/null)" = "$(service_identity)" ]; then
    url=$(run_env BATCH_API_URL)
    node "$ROOT/scripts/lib/probe.mjs" http "$url/healthz" 10 "$pid" ||
      { fail "The service runs (process $pid) but does not answer at $url: scripts/down.sh, then again."; return; }
    STEP_NOTE="was up already at $url"
    return
  fi
  stop_daemon service 15
  port=$(free_port "${PORT:-8000}") || return
  case $HOST in 0.0.0.0 | ::) url="http://127.0.0.1:$port" ;; *) url="http://$HOST:$port" ;; esac
  export HOST DATA_DIR
  PORT=$port KAFKA_BROKERS=$BROKERS start_daemon service node "$ROOT/dist/main.js" || return
  if ! node "$ROOT/scripts/lib/probe.mjs" http "$url/healthz" 60 "$(daemon_pid service)"; then
    tail -n 40 "$RUN_DIR/service.log"
    stop_daemon service 5
    fail "The service did not come up at $url; the end of .run/service.log is above."
    return
  fi
  service_identity >"$RUN_DIR/service.identity"
  printf 'export BATCH_API_URL=%s\nexport KAFKA_BROKERS=%s\n' "$url" "$BROKERS" >"$RUN_DIR/env"
  STEP_NOTE="at $url"
}

cluster='' sinks=''
for option in "$@"; do
  case $option in
    --cluster) cluster=yes ;;
    --sinks) sinks=yes ;;
    -h | --help) usage '[--cluster] [--sinks]'; exit ;;
    *) usage '[--cluster] [--sinks]' >&2; exit 64 ;;
  esac
done
HOST=${HOST:-127.0.0.1}
DATA_DIR=${DATA_DIR:-$STACK_DIR/.data}
mkdir -p "$RUN_DIR"
cd "$ROOT" || exit 1
hold_lock stack

step 'Node.js' ensure_node || exit 1
step 'Packages' ensure_packages || exit 1
step 'Build' ensure_build || exit 1
kind=$(cat "$RUN_DIR/broker.kind" 2>/dev/null)
wanted=$(wanted_broker)
if [ -n "$kind" ] && [ "$kind" != "$wanted" ]; then
  step 'Previous broker' stop_broker || exit 1
fi
[ "$wanted" != apache ] || step 'Apache Kafka' ensure_kafka || exit 1
echo "$wanted" >"$RUN_DIR/broker.kind"
step 'Broker' with_ports "broker_$wanted" || exit 1
[ "$wanted" != apache ] || limit_topics
if [ -n "$sinks" ]; then
  step 'Sink: PostgreSQL' sink_postgres || exit 1
  step 'Sink: ClickHouse' sink_clickhouse || exit 1
fi
if [ -z "$cluster" ]; then
  ! is_cluster_up || step 'Previous cluster' stop_cluster || exit 1
  step 'Service' with_ports ensure_service || exit 1
  exit
fi
! daemon_pid service >/dev/null || step 'Previous service' stop_daemon service 15 || exit 1
step 'PostgreSQL' cluster_database || exit 1
step 'Redis' cluster_queue || exit 1
step 'Stored files' cluster_storage || exit 1
step 'APIs' with_ports cluster_apis || exit 1
step 'Workers' with_ports cluster_workers || exit 1
step 'Balancer' with_ports cluster_balancer || exit 1
