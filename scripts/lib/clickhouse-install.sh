# chDB, the engine of ClickHouse as a library, from the npm registry: for the tests. 543 MB unpacked.

CLICKHOUSE_PACKAGE=chdb
CLICKHOUSE_VERSION=3.4.0
CLICKHOUSE_DIR="$CACHE_DIR/clickhouse"

ensure_clickhouse() { with_lock clickhouse install_clickhouse; }

install_clickhouse() {
  if [ "$(cat "$CLICKHOUSE_DIR/.stamp" 2>/dev/null)" = "$CLICKHOUSE_VERSION" ]; then
    STEP_NOTE='in .cache/clickhouse'
    return
  fi
  rm -rf "$CLICKHOUSE_DIR"
  mkdir -p "$CLICKHOUSE_DIR" || return
  # The library itself is an optional dependency of its own for each system.
  npm install --prefix "$CLICKHOUSE_DIR" --no-audit --no-fund --ignore-scripts "$CLICKHOUSE_PACKAGE@$CLICKHOUSE_VERSION" ||
    { fail 'chDB could not be fetched: is the npm registry reachable?'; return; }
  ls -d "$CLICKHOUSE_DIR"/node_modules/@chdb/lib-* >/dev/null || { fail "There is no chDB for $(uname -sm)."; return; }
  echo "$CLICKHOUSE_VERSION" >"$CLICKHOUSE_DIR/.stamp" || return
  STEP_NOTE="fetched $CLICKHOUSE_VERSION into .cache/clickhouse"
}
