# Ports on the loopback interface.

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
