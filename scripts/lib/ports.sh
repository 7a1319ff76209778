# Ports on the loopback interface.

# with_ports FUNCTION [ARG...]: runs what looks for free ports and comes back when somebody listens there: one stack of
# this user at a time, where flock exists, so that two that start together do not find the same ports free.
with_ports() {
  local status
  if ! command -v flock >/dev/null || ! { exec 7>>"${TMPDIR:-/tmp}/batch-ports-$(id -u).lock"; } 2>/dev/null; then
    "$@"
    return
  fi
  # Whoever waits too long goes on: what finds its port taken after all says so.
  flock -w 300 7
  "$@" 7>&-
  status=$?
  exec 7>&-
  return $status
}

# Somebody accepts connections there.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST: prints FIRST, or the next of 200 ports that nobody listens on.
free_port() {
  local port
  for ((port = $1; port < $1 + 200 && port < 65536; port++)); do
    if ! port_taken "$port"; then
      echo "$port"
      return
    fi
  done
  fail "No free port from $1 on."
}
