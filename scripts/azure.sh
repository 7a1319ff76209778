#!/usr/bin/env bash
# A server of Azure Blob Storage's protocol (Azurite) over a folder, on the loopback interface.
#   azure.sh available                    status 0: npm can fetch it anywhere
#   azure.sh install                      fetch it once
#   azure.sh run --dir DIR --port PORT    run it in the foreground: this process becomes the server
# AZURITE_ACCOUNTS has its accounts, as <name>:<key in Base64>; without it, there is devstoreaccount1 with its known key.
set -uo pipefail
for part in common toolchain server azure-install; do . "$(dirname "$0")/lib/$part.sh"; done

run() {
  local dir='' port=''
  read_options 'dir port' "$@"
  shift "$READ"
  [ -n "$dir" ] && [ -n "$port" ] && [ $# -eq 0 ] || refuse_arguments
  mkdir -p "$dir" || exit 1
  ensure_node && ensure_azure || exit 1
  # Clients speak newer versions of the protocol than it knows, which it would refuse.
  exec node "$AZURE_SERVER" --blobHost 127.0.0.1 --blobPort "$port" --location "$dir" --silent --disableTelemetry \
    --skipApiVersionCheck
}

case ${1:-} in
  available) true ;;
  install) step 'Azure server' ensure_azure ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
