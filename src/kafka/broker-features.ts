import { CompactReader, compactString } from './compact-codec.js';
import { protocolError } from './kafka-failure.js';
import { type Broker, requestConnection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

const API_VERSIONS = { apiKey: 18, apiName: 'ApiVersions', apiVersion: 3, flexible: true };
const SUPPORTED_FEATURES = 0;
/** Levels of `metadata.version` that only Kafka 4.3 and 4.4 have as their highest. */
const LOSES_MARKERS = { from: 30, to: 31 };

/**
 * The highest level of `metadata.version` that the broker supports (ApiVersions v3, KIP-584), by which Kafka's releases
 * can be told apart; null if it names none, as Redpanda does. Throws protocol errors by name.
 */
export async function readMetadataLevel(broker: Broker): Promise<number | null> {
  const connection = await requestConnection(broker);
  const { apiKey, apiVersion } = API_VERSIONS;
  if ((broker.versions?.[apiKey]?.maxVersion ?? 0) < apiVersion) return null;
  const body = [compactString('batch'), compactString('0'), Uint8Array.of(0)];
  return decodeMetadataLevel(await sendRaw(connection, API_VERSIONS, body));
}

/** The bytes after the correlation id; the header of this answer has no tags (KIP-511). */
export function decodeMetadataLevel(payload: Buffer): number | null {
  const reader = new CompactReader(payload);
  const error = reader.int16();
  if (error !== 0) throw protocolError(error, 'ApiVersions');
  reader.compactArray(() => {
    reader.skip(6); // API key, lowest and highest version
    reader.tags();
  });
  reader.skip(4); // throttle time
  let level: number | null = null;
  for (let tags = reader.unsignedVarint(); tags > 0; tags--) {
    const tag = reader.unsignedVarint();
    const size = reader.unsignedVarint();
    if (tag !== SUPPORTED_FEATURES) {
      reader.skip(size);
      continue;
    }
    reader.compactArray(() => {
      const name = reader.compactString();
      reader.skip(2); // lowest level
      const highest = reader.int16();
      reader.tags();
      if (name === 'metadata.version') level = highest;
    });
  }
  return level;
}

/** What is known to be wrong with brokers of this level, and what to do about it; null: nothing. */
export function knownDefect(level: number | null): string | null {
  if (level === null || level < LOSES_MARKERS.from || level > LOSES_MARKERS.to) return null;
  return 'Kafka 4.3.0 to 4.4.0 can lose transaction markers (KAFKA-20734); jobs repair that or fail with CHECKPOINT_LOST. Alert on "likely deleted already and hence can be skipped" in the broker\'s log.';
}
