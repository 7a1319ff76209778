#!/usr/bin/env bash
# A PostgreSQL server on the loopback interface.
#   postgres.sh install                   fetch it once
#   postgres.sh run --dir DIR --port PORT run it in the foreground: this process becomes the server
# Whoever connects as the user `batch` may do everything in the database `postgres`. Settings after `--` go to the server.
set -uo pipefail
for part in common toolchain server postgres-install; do . "$(dirname "$0")/lib/$part.sh"; done

# The server refuses to be root. It keeps root's way through folders that only root may enter, as a clone or TMPDIR may be.
unprivileged() {
  local nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  local way=(--securebits +no_setuid_fixup --inh-caps +dac_override --ambient-caps +dac_override)
  if [ "$(id -u)" -ne 0 ]; then
    exec "$@"
  fi
  ! "${nobody[@]}" "${way[@]}" true 2>/dev/null || nobody+=("${way[@]}")
  exec "${nobody[@]}" -- "$@"
}

run() {
  local dir='' port='' bin
  read_options 'dir port' "$@"
  shift "$READ"
  [ -n "$dir" ] && [ -n "$port" ] || refuse_arguments
  [ $# -eq 0 ] || shift # the --
  ensure_node && ensure_postgres || exit 1
  bin=$(postgres_bin)
  if [ ! -f "$dir/PG_VERSION" ]; then
    mkdir -p "$dir" && chmod 700 "$dir" || exit 1
    [ "$(id -u)" -ne 0 ] || chown 65534:65534 "$dir" || exit 1
    (unprivileged "$bin/initdb" --pgdata "$dir" --username batch --auth trust --encoding UTF8 --locale C --no-sync >&2) || exit 1
  fi
  unprivileged "$bin/postgres" -D "$dir" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= "$@"
}

case ${1:-} in
  install) step 'PostgreSQL' ensure_postgres ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
