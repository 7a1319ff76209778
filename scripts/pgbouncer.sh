#!/usr/bin/env bash
# A PgBouncer in transaction mode on the loopback interface, before a PostgreSQL of this machine.
#   pgbouncer.sh available    status 0 if it is installed or fetched, or can be
#   pgbouncer.sh install      fetch it once; needs apt-get and dpkg, but not root
#   pgbouncer.sh run --dir DIR --port PORT --server PORT
#                             run it in the foreground: this process becomes the pooler
# Whoever connects is the user `batch` of the server at --server. Its databases have three connections each.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"

PGBOUNCER_DIR="$CACHE_DIR/pgbouncer"
# Debian's is where only root looks.
PATH="$PATH:/usr/sbin"

usage() {
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 64
}

is_there() { command -v pgbouncer >/dev/null || [ -e "$PGBOUNCER_DIR/.stamp" ]; }

can_have_pgbouncer() {
  is_there || { command -v apt-get && command -v dpkg && apt-cache show pgbouncer; } >/dev/null 2>&1 ||
    fail 'Neither PgBouncer nor apt-get to fetch it is there: install it.'
}

install_pgbouncer() {
  local libraries package
  is_there && return
  can_have_pgbouncer || return
  rm -rf "$PGBOUNCER_DIR"
  mkdir -p "$PGBOUNCER_DIR/packages" || return
  # The names of these two differ from release to release.
  libraries=$(apt-cache depends pgbouncer | grep -oE '(libevent|libc-?ares)[^ ]*$')
  (cd "$PGBOUNCER_DIR/packages" && apt-get download -q -o APT::Sandbox::User=root pgbouncer $libraries) ||
    { fail 'apt-get could not fetch PgBouncer: are its lists up to date?'; return; }
  for package in "$PGBOUNCER_DIR"/packages/*.deb; do
    dpkg -x "$package" "$PGBOUNCER_DIR" || return
  done
  rm -r "$PGBOUNCER_DIR/packages"
  touch "$PGBOUNCER_DIR/.stamp"
}

run() {
  local dir='' port='' server='' nobody=()
  while [ $# -gt 0 ]; do
    case $1 in
      --dir) dir=${2:-} ;;
      --port) port=${2:-} ;;
      --server) server=${2:-} ;;
      *) usage ;;
    esac
    shift $(($# > 1 ? 2 : 1))
  done
  [ -n "$dir" ] && [ -n "$port" ] && [ -n "$server" ] || usage
  mkdir -p "$dir" || exit 1
  with_lock pgbouncer install_pgbouncer || exit 1
  cat >"$dir/pgbouncer.ini" <<INI || exit 1
[databases]
* = host=127.0.0.1 port=$server user=batch
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
INI
  # It refuses to be root.
  [ "$(id -u)" -ne 0 ] || nobody=(-u nobody)
  export PATH="$PATH:$PGBOUNCER_DIR/usr/sbin"
  for libraries in "$PGBOUNCER_DIR"/usr/lib/*-linux-gnu; do
    export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  done
  exec pgbouncer ${nobody[@]+"${nobody[@]}"} "$dir/pgbouncer.ini"
}

case ${1:-} in
  available) can_have_pgbouncer ;;
  install) step 'PgBouncer' with_lock pgbouncer install_pgbouncer ;;
  run) shift && run "$@" ;;
  *) usage ;;
esac
