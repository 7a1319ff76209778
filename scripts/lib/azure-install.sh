# Azurite, a server of Azure Blob Storage's protocol, from the npm registry: for the tests.

AZURE_PACKAGE=azurite
AZURE_VERSION=3.37.0
AZURE_DIR="$CACHE_DIR/azurite"
AZURE_SERVER="$AZURE_DIR/node_modules/azurite/dist/src/blob/main.js"

ensure_azure() { with_lock azurite install_azure; }

install_azure() {
  if [ "$(cat "$AZURE_DIR/.stamp" 2>/dev/null)" = "$AZURE_VERSION" ]; then
    STEP_NOTE='in .cache/azurite'
    return
  fi
  rm -rf "$AZURE_DIR"
  mkdir -p "$AZURE_DIR" || return
  npm install --prefix "$AZURE_DIR" --no-audit --no-fund --ignore-scripts "$AZURE_PACKAGE@$AZURE_VERSION" ||
    { fail 'Azurite could not be fetched: is the npm registry reachable?'; return; }
  echo "$AZURE_VERSION" >"$AZURE_DIR/.stamp" || return
  STEP_NOTE="fetched $AZURE_VERSION into .cache/azurite"
}
