#!/usr/bin/env bash
# A server of Google Cloud Storage's protocol (fake-gcs-server) over a folder, on the loopback interface.
#   gcs.sh available                    status 0 if it is built, or can be
#   gcs.sh install                      build it once; needs Go 1.25
#   gcs.sh run --dir DIR --port PORT    run it in the foreground: this process becomes the server
# Buckets are the folders in DIR. Whoever connects may do everything.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/server.sh"
. "$(dirname "$0")/lib/gcs-install.sh"

run() {
  local dir='' port=''
  read_options 'dir port' "$@"
  shift "$READ"
  [ -n "$dir" ] && [ -n "$port" ] && [ $# -eq 0 ] || refuse_arguments
  mkdir -p "$dir" || exit 1
  ensure_gcs || exit 1
  exec "$GCS_SERVER" -scheme http -host 127.0.0.1 -port "$port" -backend filesystem -filesystem-root "$dir" \
    -public-host "127.0.0.1:$port" -external-url "http://127.0.0.1:$port" -log-level warn
}

case ${1:-} in
  available) can_have_gcs ;;
  install) step 'GCS server' ensure_gcs ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
