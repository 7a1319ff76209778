#!/usr/bin/env bash
# ClickHouse for the tests, on the loopback interface: its engine (chDB) behind its HTTP interface.
#   clickhouse.sh available                    whether it is to be had for this machine
#   clickhouse.sh install                      fetch it once
#   clickhouse.sh run --dir DIR --port PORT    run it in the foreground: this process becomes the server
# Whoever connects may do everything, unless FRONT_USER and FRONT_PASSWORD are set.
set -uo pipefail
for part in common toolchain clickhouse-install; do . "$(dirname "$0")/lib/$part.sh"; done

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
      *) usage ;;
    esac
    shift $(($# > 1 ? 2 : 1))
  done
  [ -n "$dir" ] && [ -n "$port" ] || usage
  ensure_node && ensure_clickhouse || exit 1
  exec node "$ROOT/test/kit/clickhouse-front.mjs" "$CLICKHOUSE_DIR" "$dir" "$port"
}

case ${1:-} in
  available) can_have_clickhouse ;;
  install) step 'ClickHouse (chDB)' ensure_clickhouse ;;
  run) shift && run "$@" ;;
  *) usage ;;
esac
