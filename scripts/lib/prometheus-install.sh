# Prometheus with promtool, and Alertmanager with amtool: those that are installed, or else Debian's packages, for the tests.

PROMETHEUS_DIR="$CACHE_DIR/prometheus"

is_prometheus_installed() {
  command -v prometheus && command -v promtool && command -v amtool
} >/dev/null

# They are there, or can be fetched.
can_have_prometheus() {
  is_prometheus_installed || [ -e "$PROMETHEUS_DIR/.stamp" ] ||
    { command -v apt-get && command -v dpkg && apt-cache show prometheus prometheus-alertmanager; } >/dev/null 2>&1 ||
    fail 'Neither prometheus, promtool and amtool nor an apt-get to fetch them is there: install Prometheus and Alertmanager.'
}

# The folder with prometheus, promtool and amtool.
prometheus_bin() {
  if is_prometheus_installed; then dirname "$(command -v prometheus)"; else echo "$PROMETHEUS_DIR/usr/bin"; fi
}

ensure_prometheus() { with_lock prometheus install_prometheus; }

install_prometheus() {
  local package
  if is_prometheus_installed; then
    STEP_NOTE="installed: $(prometheus_version)"
    return
  fi
  if [ -e "$PROMETHEUS_DIR/.stamp" ]; then
    STEP_NOTE="$(cat "$PROMETHEUS_DIR/.stamp") in .cache/prometheus"
    return
  fi
  can_have_prometheus || return
  rm -rf "$PROMETHEUS_DIR"
  mkdir -p "$PROMETHEUS_DIR/packages" || return
  # Of whatever version the release of Debian has: it keeps no older ones.
  (cd "$PROMETHEUS_DIR/packages" && apt-get download -q -o APT::Sandbox::User=root prometheus prometheus-alertmanager) ||
    { fail 'apt-get could not fetch Prometheus: are its lists up to date?'; return; }
  for package in "$PROMETHEUS_DIR"/packages/*.deb; do
    dpkg -x "$package" "$PROMETHEUS_DIR" || return
  done
  rm -r "$PROMETHEUS_DIR/packages"
  prometheus_version >"$PROMETHEUS_DIR/.stamp" || return
  STEP_NOTE="fetched $(cat "$PROMETHEUS_DIR/.stamp") into .cache/prometheus"
}

prometheus_version() { "$(prometheus_bin)/prometheus" --version 2>&1 | sed -n '1s/.*version \([^ ]*\).*/\1/p'; }
