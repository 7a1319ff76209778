import { CompactReader, compactCount, compactString, int16, int32, NO_TAGS } from './compact-codec.js';
import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

/** Versions from which on a quota on topics is an answer (KIP-599), and not a connection that is silent for as long. */
export const CREATE_TOPICS = { apiKey: 19, apiName: 'CreateTopics', apiVersion: 6, flexible: true };
export const DELETE_TOPICS = { apiKey: 20, apiName: 'DeleteTopics', apiVersion: 5, flexible: true };
const TOPIC_ALREADY_EXISTS = 36;
/** As a replication factor: the broker's own `default.replication.factor` (KIP-464). */
export const BROKER_DEFAULT = -1;
const NO_ASSIGNMENTS = compactCount(0);

export interface TopicSettings {
  /** Names that do not exist yet. */
  topics: readonly string[];
  replicationFactor: number;
  config: Readonly<Record<string, string>>;
  /** How long the broker may take. */
  timeoutMs: number;
  /** Nothing is created: the answer says what would be refused. */
  validateOnly: boolean;
}

/** What was said of each topic. */
interface TopicsAnswer {
  /** How long to wait with the next request. */
  throttleMs: number;
  results: { error: number; message: string | null; replicationFactor: number | null }[];
}

export interface CreatedTopics {
  /** One of the names is taken. */
  isTaken: boolean;
  /** What the topics got, or would get; null: the broker does not tell us (that takes DESCRIBE_CONFIGS on the topics). */
  replicationFactor: number | null;
}

/**
 * CreateTopics v6, for topics of one partition; to be sent to the controller, or to a broker that passes it on. Throws
 * protocol errors by name: INVALID_REPLICATION_FACTOR if fewer brokers are registered. Those that are away count, those
 * that are shutting down do not.
 */
export async function createTopics(connection: Connection, settings: TopicSettings): Promise<CreatedTopics> {
  const answer = decodeCreateTopics(await sendRaw(connection, CREATE_TOPICS, [encodeCreateTopics(settings)]));
  refuse(answer, `CreateTopics of ${settings.topics.join(', ')}`, TOPIC_ALREADY_EXISTS);
  return {
    isTaken: answer.results.some(({ error }) => error === TOPIC_ALREADY_EXISTS),
    replicationFactor: answer.results.find((result) => result.replicationFactor !== null)?.replicationFactor ?? null,
  };
}

/**
 * DeleteTopics v5 of one topic; to be sent as `createTopics`. Throws protocol errors by name: UNKNOWN_TOPIC_OR_PARTITION
 * if there is none.
 */
export async function deleteTopic(connection: Connection, topic: string, timeoutMs: number): Promise<void> {
  const body = [compactCount(1), compactString(topic), int32(timeoutMs), NO_TAGS];
  refuse(decodeDeleteTopics(await sendRaw(connection, DELETE_TOPICS, body)), `DeleteTopics of ${topic}`);
}

/** Throws the first error but `allowed`, in the broker's words. */
function refuse({ results, throttleMs }: TopicsAnswer, during: string, allowed = 0): void {
  const refusal = results.find(({ error }) => error !== 0 && error !== allowed);
  if (refusal !== undefined) throw protocolError(refusal.error, during, { message: refusal.message, throttleMs });
}

export function encodeCreateTopics({ topics, replicationFactor, config, timeoutMs, validateOnly }: TopicSettings) {
  const entries = Object.entries(config).map(([name, value]) =>
    Buffer.concat([compactString(name), compactString(value), NO_TAGS]),
  );
  const encoded = topics.flatMap((topic) => [
    compactString(topic),
    int32(1), // partitions
    int16(replicationFactor),
    NO_ASSIGNMENTS,
    compactCount(entries.length),
    ...entries,
    NO_TAGS,
  ]);
  const end = [int32(timeoutMs), Uint8Array.of(Number(validateOnly)), NO_TAGS];
  return Buffer.concat([compactCount(topics.length), ...encoded, ...end]);
}

/** The bytes after the correlation id. */
export function decodeCreateTopics(payload: Buffer): TopicsAnswer {
  return decodeTopics(payload, (reader) => {
    reader.skip(4); // partitions
    const replicationFactor = reader.int16();
    reader.compactArray(() => {
      reader.compactString(); // name
      reader.compactString(); // value
      reader.skip(3); // read-only, source, sensitive
      reader.tags();
    });
    return replicationFactor < 0 ? null : replicationFactor;
  });
}

/** The bytes after the correlation id. */
export function decodeDeleteTopics(payload: Buffer): TopicsAnswer {
  return decodeTopics(payload, () => null);
}

/** `rest`: reads what comes after the message of a topic; returns its replication factor. */
function decodeTopics(payload: Buffer, rest: (reader: CompactReader) => number | null): TopicsAnswer {
  const reader = new CompactReader(payload);
  reader.tags(); // of the header
  const throttleMs = reader.int32();
  const results: TopicsAnswer['results'] = [];
  reader.compactArray(() => {
    reader.compactString(); // name
    const [error, message] = [reader.int16(), reader.compactString()];
    results.push({ error, message, replicationFactor: rest(reader) });
    reader.tags();
  });
  return { throttleMs, results };
}
