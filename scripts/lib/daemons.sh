# Background processes that outlive the shell. .run/NAME.pid holds the process id and when that process started, so
# that a process id which the system has given to somebody else meanwhile is never taken for ours.

# start_time PID: prints something that no later process with the same id shares; fails where there is no such process.
start_time() {
  local stat fields
  if [ -r "/proc/$1/stat" ]; then
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # Field 22; the command name before it is in parentheses and may hold spaces and parentheses itself.
    read -r -a fields <<<"${stat##*) }"
    [ "${fields[0]}" != Z ] && echo "${fields[19]}"
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_' | grep .
  fi
}

# daemon_pid NAME: prints the process id of the daemon if that very process still runs.
daemon_pid() {
  local pid started
  { read -r pid started <"$RUN_DIR/$1.pid"; } 2>/dev/null || return 1
  [ -n "$pid" ] && [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}

# start_daemon NAME COMMAND...: in a session of its own, without input, output in .run/NAME.log (the last run's in .1).
start_daemon() {
  local name=$1 pid started
  shift
  mkdir -p "$RUN_DIR"
  [ -f "$RUN_DIR/$name.log" ] && mv -f "$RUN_DIR/$name.log" "$RUN_DIR/$name.log.1"
  in_own_session "$@" </dev/null >"$RUN_DIR/$name.log" 2>&1 &
  pid=$!
  disown "$pid"
  started=$(start_time "$pid") || { fail "$1 ended at once."; return; }
  echo "$pid $started" >"$RUN_DIR/$name.pid"
}

in_own_session() {
  if command -v setsid >/dev/null; then
    exec setsid "$@"
  else
    exec perl -MPOSIX=setsid -e 'setsid(); exec { $ARGV[0] } @ARGV' "$@"
  fi
}

# stop_daemon NAME SECONDS: SIGTERM, so many seconds of patience, SIGKILL. Says in STEP_NOTE what happened.
stop_daemon() {
  local pid deadline=$(($(now_ms) + $2 * 1000))
  if ! pid=$(daemon_pid "$1"); then
    rm -f "$RUN_DIR/$1.pid"
    STEP_NOTE='was not running'
    return
  fi
  STEP_NOTE='stopped'
  kill "$pid" 2>/dev/null
  while daemon_pid "$1" >/dev/null; do
    if [ "$(now_ms)" -gt "$deadline" ]; then
      kill -KILL "$pid" 2>/dev/null
      STEP_NOTE="killed: it did not stop within $2 s"
      deadline=$((deadline + 10000))
    fi
    sleep 0.1
  done
  rm -f "$RUN_DIR/$1.pid"
}
