#!/usr/bin/env bash
# An S3 server (versitygw) over a folder, on the loopback interface. It keeps connections, as Amazon S3 does.
#   s3.sh available                    status 0 if it is built, or can be
#   s3.sh install                      build it once; needs Go 1.25
#   s3.sh run --dir DIR --port PORT    run it in the foreground: this process becomes the server
#       [--versions DIR]               where old versions of objects go, for buckets that keep them
# Buckets are the folders in DIR. Requests are signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
set -uo pipefail
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/server.sh"
. "$(dirname "$0")/lib/s3-install.sh"

run() {
  local dir='' port='' versions=''
  read_options 'dir port versions' "$@"
  shift "$READ"
  [ -n "$dir" ] && [ -n "$port" ] && [ -n "${AWS_ACCESS_KEY_ID:-}" ] && [ -n "${AWS_SECRET_ACCESS_KEY:-}" ] && [ $# -eq 0 ] || refuse_arguments
  mkdir -p "$dir" ${versions:+"$versions"} || exit 1
  ensure_s3 || exit 1
  export ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY
  exec "$S3_SERVER" --port "127.0.0.1:$port" --region us-east-1 --keep-alive --quiet posix \
    ${versions:+--versioning-dir "$versions"} "$dir"
}

case ${1:-} in
  available) can_have_s3 ;;
  install) step 'S3 server' ensure_s3 ;;
  run) shift && run "$@" ;;
  *) refuse_arguments ;;
esac
