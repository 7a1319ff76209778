# Node, packages and build: each function brings one of them up to date and is quick when there is nothing to do.

NODE_VERSION=24.21.0

# Puts Node 24 first on PATH: the machine's own where it is new enough, else an exact version kept in .cache/node.
# It comes before any npm call, because npm under an older Node silently picks older majors of our packages.
ensure_node() {
  local own platform home
  own=$(node -p 'process.versions.node' 2>/dev/null)
  if [ "${own%%.*}" -ge 24 ] 2>/dev/null; then
    STEP_NOTE="$own, this machine's own"
    return
  fi
  platform=$(node_platform) || return
  home="$CACHE_DIR/node/node_modules/node-$platform"
  if [ "$("$home/bin/node" --version 2>/dev/null)" = "v$NODE_VERSION" ]; then
    STEP_NOTE="$NODE_VERSION in .cache/node"
  else
    command -v npm >/dev/null ||
      { fail "Node 24 is needed and there is no npm to fetch it with: install Node.js 24 (https://nodejs.org)."; return; }
    with_lock node npm install --prefix "$CACHE_DIR/node" --no-save --ignore-scripts --no-audit --no-fund \
      "node-$platform@$NODE_VERSION" || return
    [ "$("$home/bin/node" --version)" = "v$NODE_VERSION" ] ||
      { fail "The Node $NODE_VERSION fetched for $platform does not run here: install Node.js 24 (https://nodejs.org)."; return; }
    STEP_NOTE="fetched $NODE_VERSION into .cache/node"
  fi
  export PATH="$home/bin:$PATH"
  hash -r
}

# This machine as the node-<os>-<arch> packages spell it.
node_platform() {
  local os arch
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "Scripts run on Linux and macOS, not on $(uname -s)."; return ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "No Node package for the processor $(uname -m): install Node.js 24 yourself."; return ;;
  esac
  echo "$os-$arch"
}

ensure_packages() { with_lock packages install_packages; }

install_packages() {
  local stamp="$ROOT/node_modules/.batch-stamp" wanted
  wanted="$(node --version) $(fingerprint package.json packages/sdk/package.json package-lock.json .npmrc)"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    STEP_NOTE='up to date'
    return
  fi
  (cd "$ROOT" && npm ci --no-audit --no-fund) || return
  echo "$wanted" >"$stamp"
  STEP_NOTE='installed'
}

ensure_build() { with_lock build build_if_stale; }

# The stamp lies in dist, so that whatever removes or replaces dist makes it stale.
build_if_stale() {
  local stamp="$ROOT/dist/.batch-stamp" wanted
  wanted=$(build_inputs)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -f "$ROOT/dist/main.js" ] &&
    [ -f "$ROOT/packages/sdk/dist/esm/index.js" ]; then
    STEP_NOTE='up to date'
    return
  fi
  (cd "$ROOT" && npm run -s build) || return
  echo "$wanted" >"$stamp"
  STEP_NOTE='built'
}

build_inputs() {
  fingerprint src packages/sdk/src packages/sdk/package.json packages/sdk/build.mjs packages/sdk/tsconfig.json openapi scripts/bundle-service.mjs scripts/bundle-cli.mjs scripts/build-kernel.mjs scripts/lib/inline-functions.mjs package.json package-lock.json nest-cli.json tsconfig.json tsconfig.build.json
}
