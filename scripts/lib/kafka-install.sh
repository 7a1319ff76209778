# Apache Kafka as plain jars from Maven Central, for machines without docker and for the tests.

KAFKA_LIBS="$CACHE_DIR/kafka/libs"
# The classes that a broker loads, as the JVM keeps them (CDS): half of the time until it answers.
KAFKA_CLASSES="$CACHE_DIR/kafka/classes.jsa"

# Java 17 or newer, which Kafka 4 asks for.
require_java() {
  local major
  command -v java >/dev/null ||
    { fail 'Java 17 or newer is needed to run Apache Kafka: install a JRE (apt-get install openjdk-17-jre-headless, brew install openjdk), or give scripts/up.sh a running docker or a broker of yours in KAFKA_BROKERS.'; return; }
  major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${major:-0}" -ge 17 ] ||
    fail "Java 17 or newer is needed to run Apache Kafka, and this is Java ${major:-unknown}: install a newer JRE, or give scripts/up.sh a running docker or a broker of yours in KAFKA_BROKERS."
}

ensure_kafka() {
  require_java && with_lock kafka install_kafka
}

install_kafka() {
  local wanted fresh="$KAFKA_LIBS.new"
  wanted=$(fingerprint scripts/kafka/pom.xml)
  if [ "$(cat "$KAFKA_LIBS/.stamp" 2>/dev/null)" = "$wanted" ]; then
    STEP_NOTE='in .cache/kafka'
    return
  fi
  command -v mvn >/dev/null ||
    { fail 'Maven is needed to fetch Apache Kafka: install it (apt-get install maven, brew install maven), or give scripts/up.sh a running docker or a broker of yours in KAFKA_BROKERS.'; return; }
  rm -rf "$fresh"
  mvn -B -ntp -q -f "$ROOT/scripts/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$fresh" ||
    { fail 'Maven could not fetch Apache Kafka: is Maven Central (or the mirror in ~/.m2/settings.xml) reachable?'; return; }
  echo "$wanted" >"$fresh/.stamp"
  rm -rf "$KAFKA_LIBS" "$KAFKA_CLASSES"
  mv "$fresh" "$KAFKA_LIBS" || return
  # Without the archive a broker only starts later.
  "$ROOT/scripts/kafka.sh" archive || echo 'No archive of classes was made: brokers start without it.'
  STEP_NOTE="fetched $(find "$KAFKA_LIBS" -name '*.jar' | wc -l | tr -d ' ') jars into .cache/kafka"
}
