import { CompactReader, compactCount, compactString, int8, NO_TAGS } from './compact-codec.js';
import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

/** KIP-339: kafkajs' AlterConfigs would set all that it does not name back to its default. */
export const INCREMENTAL_ALTER_CONFIGS = {
  apiKey: 44,
  apiName: 'IncrementalAlterConfigs',
  apiVersion: 1,
  flexible: true,
};
const TOPIC = 2;
const SET = 0;
const UNKNOWN_TOPIC_OR_PARTITION = 3;

/**
 * Sets one config of each of these topics, as far as they are there. Throws the first other protocol error by name, in the
 * broker's words.
 */
export async function setTopicConfig(
  connection: Connection,
  topics: readonly string[],
  name: string,
  value: string,
): Promise<void> {
  const payload = await sendRaw(connection, INCREMENTAL_ALTER_CONFIGS, [encodeAlterConfigs(topics, name, value)]);
  for (const { error, message } of decodeAlterConfigs(payload)) {
    if (error === 0 || error === UNKNOWN_TOPIC_OR_PARTITION) continue;
    throw protocolError(error, `IncrementalAlterConfigs of ${topics.join(', ')}`, { message });
  }
}

export function encodeAlterConfigs(topics: readonly string[], name: string, value: string): Buffer {
  const configs = [compactCount(1), compactString(name), int8(SET), compactString(value), NO_TAGS];
  const resources = topics.flatMap((topic) => [int8(TOPIC), compactString(topic), ...configs, NO_TAGS]);
  return Buffer.concat([compactCount(topics.length), ...resources, int8(0), NO_TAGS]);
}

/** The bytes after the correlation id: what was said of each topic. */
export function decodeAlterConfigs(payload: Buffer): { error: number; message: string | null }[] {
  const reader = new CompactReader(payload);
  reader.tags(); // of the header
  reader.skip(4); // throttle time
  const results: { error: number; message: string | null }[] = [];
  reader.compactArray(() => {
    results.push({ error: reader.int16(), message: reader.compactString() });
    reader.skip(1); // type
    reader.compactString(); // name
    reader.tags();
  });
  return results;
}
