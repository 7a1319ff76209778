#!/usr/bin/env bash
# An Apache Kafka broker (KRaft, combined role) on the loopback interface: a single one, or a node of a small cluster.
#   kafka.sh install                                           fetch the jars once
#   kafka.sh run --dir DIR --port PORT [--controller-port P]   run it in the foreground: this process becomes the broker
#                [--listener NAME://HOST:PORT] [--properties FILE]   one more listener; broker settings that it needs
#                [--node ID --voters ID@HOST:PORT,…]                 one of several, whose controllers listen at these
#   kafka.sh archive                                           keep the classes of the jars for the next starts
# A folder that was used before is taken up again with its topics, on any port. Its log is DIR/broker.log.
# KAFKA_JVM_FLAGS: further flags of its JVM.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/ports.sh"
. "$(dirname "$0")/lib/kafka-install.sh"

# Any 16 bytes in base64url do: nothing tells two of these brokers apart.
CLUSTER_ID=QmF0Y2hMb2NhbEthZmthMQ

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 64
}

write_settings() {
  cat >"$1" <<SETTINGS
process.roles=broker,controller
node.id=$node
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port${listener:+,$listener}
advertised.listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port${listener:+,$listener}
controller.listener.names=CONTROLLER
$quorum
log.dirs=$dir/data
auto.create.topics.enable=false
num.partitions=1
num.network.threads=2
num.io.threads=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$replicas
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=8388608
SETTINGS
  [ -z "$properties" ] || cat "$properties" >>"$1"
}

# prepare --dir DIR …: a folder that a broker can start from, and its command in `broker`.
prepare() {
  dir='' port='' controller_port='' listener='' properties='' node=1 voters=''
  while [ $# -gt 0 ]; do
    case $1 in
      --dir) dir=${2:-} ;;
      --port) port=${2:-} ;;
      --controller-port) controller_port=${2:-} ;;
      --listener) listener=${2:-} ;;
      --properties) properties=${2:-} ;;
      --node) node=${2:-} ;;
      --voters) voters=${2:-} ;;
      *) usage ;;
    esac
    shift $(($# > 1 ? 2 : 1))
  done
  [ -n "$dir" ] && [ -n "$port" ] || usage
  mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || exit 1
  [ -n "$controller_port" ] || controller_port=$(free_port $((port + 1))) || exit 1

  local heap=1g replicas=1 quorum="controller.quorum.bootstrap.servers=127.0.0.1:$controller_port" format=(--standalone)
  if [ -n "$voters" ]; then
    heap=512m replicas=$(tr ',' '\n' <<<"$voters" | grep -c .) quorum="controller.quorum.voters=$voters" format=()
  fi
  write_settings "$dir/server.properties" || exit 1
  local java=(java -Xms128m "-Xmx$heap" "-Dbroker.dir=$dir" "-Dlog4j2.configurationFile=file:$ROOT/scripts/kafka/log4j2.properties")
  # An archive of another Java, or of other jars, is not used.
  [ ! -f "$KAFKA_CLASSES" ] || java+=("-XX:SharedArchiveFile=$KAFKA_CLASSES")
  if [ ! -f "$dir/data/meta.properties" ]; then
    "${java[@]}" -XX:TieredStopAtLevel=1 -cp "$KAFKA_LIBS/*" kafka.tools.StorageTool format \
      ${format[@]+"${format[@]}"} --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$dir/server.properties" \
      >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; exit 1; }
  fi
  # shellcheck disable=SC2206 # flags are words
  broker=("${java[@]}" ${KAFKA_JVM_FLAGS:-} -cp "$KAFKA_LIBS/*" kafka.Kafka "$dir/server.properties")
}

run() {
  ensure_kafka >&2 || exit 1
  prepare "$@"
  exec "${broker[@]}"
}

# The JVM writes the archive when a broker that was started for it ends.
archive() {
  local folder port pid status=1 deadline=$((SECONDS + 120))
  folder=$(mktemp -d "${TMPDIR:-/tmp}/batch-kafka-archive.XXXXXX") || return 1
  port=$(free_port 19092) || return 1
  KAFKA_JVM_FLAGS="-XX:ArchiveClassesAtExit=$folder/classes.jsa" prepare --dir "$folder" --port "$port"
  "${broker[@]}" >"$folder/archive.log" 2>&1 &
  pid=$!
  until port_taken "$port"; do
    kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ] || break
    sleep 0.1
  done
  kill "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  [ -f "$folder/classes.jsa" ] && mv "$folder/classes.jsa" "$KAFKA_CLASSES" && status=0
  rm -rf "$folder"
  return $status
}

case ${1:-} in
  install) step 'Apache Kafka' ensure_kafka ;;
  run) shift && run "$@" ;;
  archive) archive ;;
  *) usage ;;
esac
