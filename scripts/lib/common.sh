# Shared by every script: where the project is, steps that say what they do and how long it took, and locks.
# Written for bash 3.2 and newer. Functions return a status; only the scripts themselves exit.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE_DIR="$ROOT/.cache"
# Where up.sh keeps what belongs to its stack: a second one has another STACK_DIR.
STACK_DIR=${STACK_DIR:-$ROOT}
RUN_DIR="$STACK_DIR/.run"

fail() {
  printf '%s\n' "$*" >&2
  return 1
}

# usage [OPTIONS]: how the running script is called, and the comment at its head.
usage() {
  printf 'usage: scripts/%s%s\n\n' "${0##*/}" "${1:+ $1}"
  sed -n '2,${/^#/!q; s/^# \{0,1\}//p;}' "$0"
}

# run_env NAME: prints what up.sh wrote of this variable to .run/env; nothing if it did not.
run_env() { sed -n "s/^export $1=//p" "$RUN_DIR/env" 2>/dev/null; }

# One word for what services are told of sources, connections and the variables in those included.
source_settings() {
  local file=${SOURCE_CONNECTIONS:-} name
  {
    echo "${SOURCES:-} ${MAX_SOURCE_BYTES:-} $file"
    if [ -r "$file" ]; then
      cat "$file"
      for name in $(grep -o '\${[A-Za-z_][A-Za-z0-9_]*}' "$file" | tr -d '${}'); do echo "${!name:-}"; done
    fi
  } | cksum | tr ' ' '-'
}

now_ms() {
  if [ -n "${EPOCHREALTIME:-}" ]; then
    local micros=${EPOCHREALTIME/[.,]/}
    echo $((micros / 1000))
  else
    echo $(($(date +%s) * 1000))
  fi
}

# seconds_since MS: the time since now_ms said MS, as "1.2".
seconds_since() {
  local tenths=$((($(now_ms) - $1 + 50) / 100))
  echo "$((tenths / 10)).$((tenths % 10))"
}

# step TITLE FUNCTION [ARG...]: runs it in this shell and prints one line: title, note, seconds. The function says what
# it found or did in STEP_NOTE. Its output is shown only when it fails, and then the status is 1.
step() {
  local title=$1 log started
  shift
  STEP_NOTE=''
  log=$(mktemp) || return 1
  started=$(now_ms)
  printf '  %-22s' "$title"
  if "$@" >"$log" 2>&1 </dev/null 8>&-; then
    printf '%s (%s s)\n' "${STEP_NOTE:-done}" "$(seconds_since "$started")"
    rm -f "$log"
  else
    printf 'FAILED (%s s)\n' "$(seconds_since "$started")"
    tail -n 60 "$log" | sed 's/^/    /' >&2
    rm -f "$log"
    return 1
  fi
}

# with_lock NAME FUNCTION [ARG...]: one process at a time, where flock exists.
with_lock() {
  local name=$1 status
  shift
  if command -v flock >/dev/null; then
    mkdir -p "$CACHE_DIR"
    exec 9>"$CACHE_DIR/$name.lock"
    flock 9
    "$@" 9>&-
    status=$?
    exec 9>&-
    return $status
  fi
  "$@"
}

# hold_lock NAME: until this script ends; waits for whoever holds it now. It is descriptor 8, which steps close for what
# they start: a daemon must not hold it on.
hold_lock() {
  command -v flock >/dev/null || return 0
  mkdir -p "$CACHE_DIR"
  exec 8>"$CACHE_DIR/$1.lock"
  flock -n 8 || { echo "  Waiting for another script that is at work on the stack …"; flock 8; }
}

# within SECONDS COMMAND...: runs it, and ends it when it takes longer; status 124 then.
within() {
  local limit=$1
  shift
  if command -v timeout >/dev/null; then
    timeout "$limit" "$@"
  else
    perl -e 'alarm shift; exec @ARGV' "$limit" "$@"
  fi
}

# One word for the content of the named files and folders; names that do not exist do not count, nor what was compiled.
fingerprint() {
  (cd "$ROOT" && find "$@" -type f ! -name "*.wasm" 2>/dev/null | LC_ALL=C sort | tr '\n' '\0' | xargs -0 cksum 2>/dev/null) | cksum | tr ' ' '-'
}
