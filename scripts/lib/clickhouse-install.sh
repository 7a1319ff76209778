# chDB, the engine of ClickHouse as a library, from the npm registry: for the tests. 543 MB unpacked.

CLICKHOUSE_PACKAGE=chdb
CLICKHOUSE_VERSION=3.4.0
CLICKHOUSE_DIR="$CACHE_DIR/clickhouse"

# Whether there is one for this machine.
can_have_clickhouse() {
  case $(uname -s)/$(uname -m) in
    Darwin/arm64 | Darwin/x86_64) ;;
    Linux/x86_64 | Linux/aarch64) [ -z "$(ldd --version 2>&1 | grep -i musl)" ] || fail 'There is no chDB for musl.' ;;
    *) fail "There is no chDB for $(uname -sm)." ;;
  esac
}

ensure_clickhouse() { with_lock clickhouse install_clickhouse; }

install_clickhouse() {
  if [ "$(cat "$CLICKHOUSE_DIR/.stamp" 2>/dev/null)" = "$CLICKHOUSE_VERSION" ]; then
    STEP_NOTE='in .cache/clickhouse'
    return
  fi
  can_have_clickhouse || return
  rm -rf "$CLICKHOUSE_DIR"
  mkdir -p "$CLICKHOUSE_DIR" || return
  # The library itself is an optional dependency of its own for each system.
  npm install --prefix "$CLICKHOUSE_DIR" --no-audit --no-fund --ignore-scripts "$CLICKHOUSE_PACKAGE@$CLICKHOUSE_VERSION" ||
    { fail 'chDB could not be fetched: is the npm registry reachable?'; return; }
  ls -d "$CLICKHOUSE_DIR"/node_modules/@chdb/lib-* >/dev/null || { fail 'npm has left out the library of chDB for this system.'; return; }
  echo "$CLICKHOUSE_VERSION" >"$CLICKHOUSE_DIR/.stamp" || return
  STEP_NOTE="fetched $CLICKHOUSE_VERSION into .cache/clickhouse"
}
