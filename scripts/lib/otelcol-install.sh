# An OpenTelemetry Collector with an OTLP receiver and a file exporter, built by Go: for the tests.
. "$ROOT/scripts/lib/go.sh"

OTELCOL_DIR="$CACHE_DIR/otelcol"
OTELCOL="$OTELCOL_DIR/otelcol"

# It is there, or can be built.
can_have_otelcol() { is_otelcol_built || require_go 'the OpenTelemetry Collector' 26; }

otelcol_version() { cat "$ROOT"/scripts/otelcol/{go.mod,main.go} | cksum; }

is_otelcol_built() { [ -x "$OTELCOL" ] && [ "$(cat "$OTELCOL_DIR/.stamp" 2>/dev/null)" = "$(otelcol_version)" ]; }

ensure_otelcol() { with_lock otelcol install_otelcol; }

install_otelcol() {
  if is_otelcol_built; then
    STEP_NOTE='in .cache/otelcol'
    return
  fi
  require_go 'the OpenTelemetry Collector' 26 || return
  go build -C "$ROOT/scripts/otelcol" -trimpath -ldflags='-s -w' -o "$OTELCOL" . ||
    { fail 'Go could not build the OpenTelemetry Collector: is the module proxy (GOPROXY) reachable?'; return; }
  otelcol_version >"$OTELCOL_DIR/.stamp" || return
  STEP_NOTE='built into .cache/otelcol'
}
