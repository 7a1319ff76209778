#!/usr/bin/env bash
# An Apache Kafka broker (KRaft, combined role) on the loopback interface: a single one, or a node of a small cluster.
#   kafka.sh install                                           fetch the jars once
#   kafka.sh run --dir DIR --port PORT [--controller-port P]   run it in the foreground: this process becomes the broker
#                [--listener NAME://HOST:PORT] [--properties FILE]   one more listener; broker settings that it needs
#                [--node ID --voters ID@HOST:PORT,…]                 one of several, whose controllers listen at these
# A folder that was used before is taken up again with its topics, on any port. Its log is DIR/broker.log.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/ports.sh"
. "$(dirname "$0")/lib/kafka-install.sh"

# Any 16 bytes in base64url do: nothing tells two of these brokers apart.
CLUSTER_ID=QmF0Y2hMb2NhbEthZmthMQ

usage() {
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
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

run() {
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
  ensure_kafka >"$dir/install.log" 2>&1 || { cat "$dir/install.log" >&2; exit 1; }

  local heap=1g replicas=1 quorum="controller.quorum.bootstrap.servers=127.0.0.1:$controller_port" format=(--standalone)
  if [ -n "$voters" ]; then
    heap=512m replicas=$(tr ',' '\n' <<<"$voters" | grep -c .) quorum="controller.quorum.voters=$voters" format=()
  fi
  write_settings "$dir/server.properties" || exit 1
  local java=(java -Xms128m "-Xmx$heap" "-Dbroker.dir=$dir" "-Dlog4j2.configurationFile=file:$ROOT/scripts/kafka/log4j2.properties" -cp "$KAFKA_LIBS/*")
  if [ ! -f "$dir/data/meta.properties" ]; then
    "${java[@]}" kafka.tools.StorageTool format ${format[@]+"${format[@]}"} --ignore-formatted \
      --cluster-id "$CLUSTER_ID" --config "$dir/server.properties" >"$dir/format.log" 2>&1 ||
      { cat "$dir/format.log" >&2; exit 1; }
  fi
  exec "${java[@]}" kafka.Kafka "$dir/server.properties"
}

case ${1:-} in
  install) step 'Apache Kafka' ensure_kafka ;;
  run) shift && run "$@" ;;
  *) usage ;;
esac
