import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

const CREATE_TOPICS = { apiKey: 19, apiName: 'CreateTopics', apiVersion: 4 };
const TOPIC_ALREADY_EXISTS = 36;
/** As a replication factor: the broker's own `default.replication.factor` (KIP-464, version 4; kafkajs stops at 3). */
export const BROKER_DEFAULT = -1;

export interface TopicSettings {
  /** Names that do not exist yet. */
  topics: readonly string[];
  replicationFactor: number;
  config: Readonly<Record<string, string>>;
  /** How long the broker may take. */
  timeoutMs: number;
}

/**
 * CreateTopics v4, for topics of one partition; to be sent to the controller. Returns false if one of the names is taken.
 * Throws protocol errors by name: INVALID_REPLICATION_FACTOR if fewer brokers are registered, where those that are
 * registered and away count.
 */
export async function createTopics(connection: Connection, settings: TopicSettings): Promise<boolean> {
  const errors = decodeCreateTopics(await sendRaw(connection, CREATE_TOPICS, [encodeCreateTopics(settings)]));
  const refusal = errors.find((code) => code !== 0 && code !== TOPIC_ALREADY_EXISTS);
  if (refusal !== undefined) throw protocolError(refusal, `CreateTopics of ${settings.topics.join(', ')}`);
  return !errors.includes(TOPIC_ALREADY_EXISTS);
}

export function encodeCreateTopics({ topics, replicationFactor, config, timeoutMs }: TopicSettings): Buffer {
  const entries = Object.entries(config).flatMap(([name, value]) => [string(name), string(value)]);
  const configs = [int32(entries.length / 2), ...entries];
  const encoded = topics.flatMap((topic) => [
    string(topic),
    int32(1), // partitions
    int16(replicationFactor),
    int32(0), // no assignments
    ...configs,
  ]);
  return Buffer.concat([int32(topics.length), ...encoded, int32(timeoutMs), Uint8Array.of(0)]); // 0: not only validated
}

/** The error code of each topic, from the bytes after the correlation id. */
export function decodeCreateTopics(payload: Buffer): number[] {
  const codes: number[] = [];
  let at = 8;
  for (let left = payload.readInt32BE(4); left > 0; left--) {
    at += 2 + payload.readInt16BE(at);
    codes.push(payload.readInt16BE(at));
    at += 4 + Math.max(0, payload.readInt16BE(at + 2));
  }
  return codes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
