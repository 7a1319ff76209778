# What up.sh --cluster brings and down.sh takes away beside the broker: a PostgreSQL, a Redis, a store of files, two APIs,
# three workers, and a balancer before the APIs. Each is a daemon; .run/NAME.port is where it listens.

CLUSTER_DIR="$STACK_DIR/.data/cluster"
CLUSTER_APIS='api-1 api-2'
CLUSTER_WORKERS='worker-1 worker-2 worker-3'
# In the order in which they are stopped. Together: they have 10 s each.
CLUSTER_SERVICES="$CLUSTER_APIS $CLUSTER_WORKERS"
CLUSTER_DAEMONS="balancer $CLUSTER_SERVICES s3 redis postgres"

is_cluster_up() {
  local name
  for name in $CLUSTER_DAEMONS; do
    ! daemon_pid "$name" >/dev/null || return 0
  done
  return 1
}

# start_at_port NAME FIRST COMMAND...: on the first free port, which takes the place of @PORT in the command, unless it
# runs. The port is left in AT_PORT. Comes back before it answers.
start_at_port() {
  local name=$1 first=$2
  shift 2
  if daemon_pid "$name" >/dev/null && AT_PORT=$(cat "$RUN_DIR/$name.port"); then
    return
  fi
  AT_PORT=$(free_port "$first") || return
  start_daemon "$name" "${@//@PORT/$AT_PORT}" && echo "$AT_PORT" >"$RUN_DIR/$name.port"
}

# wait_until_up NAME KIND TARGET: as the probe of that kind sees it.
wait_until_up() {
  node "$ROOT/scripts/lib/probe.mjs" "$2" "$3" 60 "$(daemon_pid "$1")" && return
  tail -n 40 "$RUN_DIR/$1.log"
  fail "$1 did not come up at $3; the end of .run/$1.log is above."
}

# Leaves the address in CLUSTER_DATABASE.
cluster_database() {
  if [ -n "${DATABASE_URL:-}" ]; then
    CLUSTER_DATABASE=$DATABASE_URL STEP_NOTE='yours, of DATABASE_URL'
    return
  fi
  ensure_postgres && with_ports start_database
}

start_database() {
  start_at_port postgres 5432 "$ROOT/scripts/postgres.sh" run --dir "$CLUSTER_DIR/postgres" --port @PORT || return
  CLUSTER_DATABASE="postgres://batch@127.0.0.1:$AT_PORT/postgres"
  wait_until_up postgres postgres "$CLUSTER_DATABASE" || return
  STEP_NOTE="at $CLUSTER_DATABASE"
}

# Leaves the address in CLUSTER_QUEUE; empty: the database tells workers of jobs.
cluster_queue() {
  if [ -n "${QUEUE_URL:-}" ]; then
    CLUSTER_QUEUE=$QUEUE_URL STEP_NOTE='yours, of QUEUE_URL'
    return
  fi
  if ! can_have_redis; then
    CLUSTER_QUEUE='' STEP_NOTE='none, because there is no pip to fetch it'
    return
  fi
  ensure_redis && with_ports start_queue
}

start_queue() {
  start_at_port redis 6379 "$ROOT/scripts/redis.sh" run --dir "$CLUSTER_DIR/redis" --port @PORT || return
  wait_until_up redis tcp "127.0.0.1:$AT_PORT" || return
  CLUSTER_QUEUE="redis://127.0.0.1:$AT_PORT" STEP_NOTE="at redis://127.0.0.1:$AT_PORT"
}

# Leaves in CLUSTER_STORAGE what services need to know, as NAME=VALUE.
cluster_storage() {
  if [ -n "${STORAGE_URL:-}" ]; then
    CLUSTER_STORAGE=("STORAGE_URL=$STORAGE_URL") STEP_NOTE='yours, of STORAGE_URL'
    return
  fi
  if ! can_have_s3; then
    CLUSTER_STORAGE=("STORAGE_URL=file:$CLUSTER_DIR/files")
    STEP_NOTE='in a folder, because there is no Go 1.25 to build an S3 server'
    return
  fi
  ensure_s3 && with_ports start_storage
}

start_storage() {
  local key='AWS_ACCESS_KEY_ID=batch' secret='AWS_SECRET_ACCESS_KEY=batch-on-this-machine'
  mkdir -p "$CLUSTER_DIR/s3/uploads" || return
  start_at_port s3 9000 env "$key" "$secret" "$ROOT/scripts/s3.sh" run --dir "$CLUSTER_DIR/s3" --port @PORT || return
  wait_until_up s3 tcp "127.0.0.1:$AT_PORT" || return
  CLUSTER_STORAGE=(STORAGE_URL=s3://uploads/batch "S3_ENDPOINT=http://127.0.0.1:$AT_PORT" S3_PATH_STYLE=true
    AWS_REGION=us-east-1 "$key" "$secret")
  STEP_NOTE="S3 at http://127.0.0.1:$AT_PORT"
}

# Exports what all services need to know. Those of other code, broker, database or files are stopped: they have to be
# started anew.
prepare_services() {
  local identity
  # A prefix of a service that is not of this cluster would be refused.
  export "DATABASE_URL=$CLUSTER_DATABASE" "QUEUE_URL=$CLUSTER_QUEUE" "${CLUSTER_STORAGE[@]}" "KAFKA_BROKERS=$BROKERS" \
    "KAFKA_TOPIC_PREFIX=${KAFKA_TOPIC_PREFIX:-batch_cluster}"
  # URLs may hold passwords.
  identity=$(echo "$(build_inputs) $BROKERS $(cluster_auth) $KAFKA_TOPIC_PREFIX $DATABASE_URL $QUEUE_URL ${CLUSTER_STORAGE[*]} $(source_settings)" | cksum)
  [ "$(cat "$RUN_DIR/cluster.identity" 2>/dev/null)" = "$identity" ] || stop_daemons $CLUSTER_SERVICES || return
  echo "$identity" >"$RUN_DIR/cluster.identity"
}

# The APIs listen on this machine alone, but the balancer hands on the requests of whoever reaches it.
cluster_auth() {
  case ${AUTH:-},$HOST in ,localhost | ,127.* | ,::1) echo none ;; ,*) echo keys ;; *) echo "$AUTH" ;; esac
}

# start_services FIRST NAMES SETTING...: all at once, and comes back when they answer. Their URLs are left in URLS.
start_services() {
  local first=$1 names=$2 name
  shift 2
  URLS=''
  for name in $names; do
    start_at_port "$name" "$first" env "DATA_DIR=$CLUSTER_DIR/$name" HOST=127.0.0.1 "AUTH=$(cluster_auth)" "$@" node "$ROOT/dist/main.js" || return
    URLS="$URLS http://127.0.0.1:$AT_PORT"
    first=$((AT_PORT + 1))
  done
  for name in $names; do
    wait_until_up "$name" http "http://127.0.0.1:$(cat "$RUN_DIR/$name.port")/healthz" || return
  done
}

cluster_apis() {
  local names=${ALLOWED_HOSTS:-}
  prepare_services || return
  # They are called by the balancer's name.
  case $HOST in 0.0.0.0 | ::) ;; *) names="${names:+$names,}$HOST" ;; esac
  start_services $((${PORT:-8000} + 1)) "$CLUSTER_APIS" ROLE=api PORT=@PORT "ALLOWED_HOSTS=$names" || return
  API_URLS=$URLS STEP_NOTE="at$URLS"
}

cluster_workers() {
  start_services 9090 "$CLUSTER_WORKERS" ROLE=worker METRICS_PORT=@PORT || return
  WORKER_URLS=${URLS# } STEP_NOTE="their health is at$URLS"
}

cluster_balancer() {
  local url name=127.0.0.1 identity
  identity="$(fingerprint scripts/lib/balancer.mjs) $HOST$API_URLS"
  [ "$(cat "$RUN_DIR/balancer.identity" 2>/dev/null)" = "$identity" ] || stop_daemon balancer 10 || return
  start_at_port balancer "${PORT:-8000}" node "$ROOT/scripts/lib/balancer.mjs" "$HOST:@PORT" $API_URLS || return
  echo "$identity" >"$RUN_DIR/balancer.identity"
  case $HOST in 0.0.0.0 | ::) ;; *) name=$HOST ;; esac
  url="http://$name:$AT_PORT"
  wait_until_up balancer http "$url/healthz" || return
  printf 'export %s\n' "BATCH_API_URL=$url" "KAFKA_BROKERS=$BROKERS" "BATCH_WORKER_URLS='$WORKER_URLS'" \
    "BATCH_METRICS_URLS='${API_URLS# } $WORKER_URLS'" >"$RUN_DIR/env"
  STEP_NOTE="at $url"
}

# stop_daemons NAME...: all at once.
stop_daemons() {
  local name pid notes=''
  for name in "$@"; do
    ! pid=$(daemon_pid "$name") || kill "$pid" 2>/dev/null
  done
  for name in "$@"; do
    stop_daemon "$name" 15
    rm -f "$RUN_DIR/$name.port"
    case $STEP_NOTE in stopped | 'was not running') ;; *) notes="$notes, $name $STEP_NOTE" ;; esac
  done
  STEP_NOTE="stopped$notes"
}

stop_cluster() {
  local pid notes
  stop_daemons balancer $CLUSTER_SERVICES
  notes=$STEP_NOTE
  # It waits for nobody's connection.
  ! pid=$(daemon_pid postgres) || kill -INT "$pid"
  stop_daemons s3 redis postgres
  STEP_NOTE="$notes${STEP_NOTE#stopped}"
  rm -f "$RUN_DIR/cluster.identity" "$RUN_DIR/balancer.identity" "$RUN_DIR/env"
}
