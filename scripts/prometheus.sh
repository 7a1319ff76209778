#!/usr/bin/env bash
# Prometheus on the loopback interface, and the checks of its rules.
#   prometheus.sh available    status 0 if it is installed or fetched, or can be
#   prometheus.sh install      fetch it once; needs apt-get and dpkg, but not root
#   prometheus.sh check        check what is in deploy/prometheus, and run the tests of the rules
#   prometheus.sh run --dir DIR --port PORT --config FILE
#                              run it in the foreground: this process becomes the server
# Options after `--` go to the server.
set -uo pipefail
for part in common server prometheus-install; do . "$(dirname "$0")/lib/$part.sh"; done

check() {
  local bin
  ensure_prometheus || exit 1
  bin=$(prometheus_bin)
  cd "$ROOT/deploy/prometheus" || exit 1
  # The configuration names the rules, which are checked with it.
  "$bin/promtool" check config prometheus.yml &&
    "$bin/promtool" test rules rules.test.yml &&
    "$bin/amtool" check-config alertmanager.yml
}

run() {
  local dir='' port='' config=''
  read_options 'dir port config' "$@"
  shift "$READ"
  [ -n "$dir" ] && [ -n "$port" ] && [ -n "$config" ] || refuse_arguments
  [ $# -eq 0 ] || shift # the --
  mkdir -p "$dir" || exit 1
  ensure_prometheus || exit 1
  exec "$(prometheus_bin)/prometheus" --config.file="$config" --storage.tsdb.path="$dir" \
    --web.listen-address="127.0.0.1:$port" "$@"
}

case ${1:-} in
  available) can_have_prometheus ;;
  install) step 'Prometheus' ensure_prometheus ;;
  check) check ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
