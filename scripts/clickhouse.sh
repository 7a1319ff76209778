#!/usr/bin/env bash
# ClickHouse for the tests, on the loopback interface: its engine (chDB) behind its HTTP interface.
#   clickhouse.sh available                    whether it is to be had for this machine
#   clickhouse.sh install                      fetch it once
#   clickhouse.sh run --dir DIR --port PORT    run it in the foreground: this process becomes the server
# Whoever connects may do everything, unless FRONT_USER and FRONT_PASSWORD are set.
set -uo pipefail
for part in common toolchain server clickhouse-install; do . "$(dirname "$0")/lib/$part.sh"; done

run() {
  local dir='' port=''
  read_options 'dir port' "$@"
  shift "$READ"
  [ -n "$dir" ] && [ -n "$port" ] && [ $# -eq 0 ] || refuse_arguments
  ensure_node && ensure_clickhouse || exit 1
  exec node "$ROOT/test/kit/clickhouse-front.mjs" "$CLICKHOUSE_DIR" "$dir" "$port"
}

case ${1:-} in
  available) can_have_clickhouse ;;
  install) step 'ClickHouse (chDB)' ensure_clickhouse ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
