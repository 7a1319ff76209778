#!/usr/bin/env bash
# An OpenTelemetry Collector on the loopback interface, which appends what it receives to a file, as lines of OTLP JSON.
#   otelcol.sh available                           status 0 if it is built, or can be
#   otelcol.sh install                             build it once; needs Go 1.26
#   otelcol.sh run --config FILE                   run it in the foreground: this process becomes the collector
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/server.sh"
. "$(dirname "$0")/lib/otelcol-install.sh"

run() {
  local config=''
  read_options config "$@"
  shift "$READ"
  [ -n "$config" ] && [ $# -eq 0 ] || refuse_arguments
  ensure_otelcol || exit 1
  exec "$OTELCOL" --config "$config"
}

case ${1:-} in
  available) can_have_otelcol ;;
  install) step 'OpenTelemetry Collector' ensure_otelcol ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
