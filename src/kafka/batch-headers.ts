import { leaderOf } from './committed-records.js';
import { protocolError, UnexpectedAnswer } from './kafka-failure.js';
import {
  type Cluster,
  type Connection,
  READ_COMMITTED,
  READ_UNCOMMITTED,
  requestConnection,
} from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';
import { withTimeout } from './timeout.js';

export const FETCH = { apiKey: 1, apiName: 'Fetch', apiVersion: 10 };
const FETCH_BYTES = 1024 * 1024;
const FETCH_WAIT_MS = 500;
const ANSWER_MS = 45_000;
/** A leader that has just changed may not serve its last records yet. */
const MAX_EMPTY_ANSWERS = 10;

/** Byte offset of each field of a record batch (`RecordBatch` in Kafka's protocol guide). */
const FIELD = { length: 8, magic: 16, attributes: 21, lastOffsetDelta: 23, producerId: 43, records: 61 } as const;
const CONTROL = 0x20;

/** What a record batch says of itself, without a look at its records. */
export interface BatchHeader {
  baseOffset: number;
  lastOffset: number;
  producerId: bigint;
  /** It is a transaction marker. */
  isControl: boolean;
}

/** An answer to a fetch, its record batches as they came. */
export interface FetchAnswer {
  error: number;
  /** Transactions that were aborted, by the offset of their first record. */
  aborted: { producerId: bigint; firstOffset: number }[];
  /** Record batches, the last of which may be cut off. */
  records: Buffer;
}

export interface FetchedBatches extends Omit<FetchAnswer, 'records'> {
  batches: BatchHeader[];
}

/**
 * The producer id of the first committed record of partition 0 in `[from, to)`; null: there is none. What was aborted is
 * passed over by its batches' headers alone: there may be gigabytes of it.
 */
export async function firstCommittedBy(
  cluster: Cluster,
  topic: string,
  from: number,
  to: number,
): Promise<bigint | null> {
  /** Producers whose transaction at this place was aborted. */
  const aborted = new Set<bigint>();
  for await (const { aborted: transactions, batches } of fetchBatches(cluster, topic, from, to, READ_COMMITTED)) {
    const left = transactions.toSorted((a, b) => a.firstOffset - b.firstOffset);
    for (const { baseOffset, lastOffset, producerId, isControl } of batches) {
      while ((left[0]?.firstOffset ?? Number.POSITIVE_INFINITY) <= lastOffset) {
        aborted.add((left.shift() as (typeof left)[number]).producerId);
      }
      if (isControl) aborted.delete(producerId);
      else if (!aborted.has(producerId) && lastOffset >= from && baseOffset < to) return producerId;
    }
  }
  return null;
}

/** Whether a record of this producer lies in `[from, to)` of partition 0, committed or not. */
export async function hasRecordsOf(
  cluster: Cluster,
  topic: string,
  producerId: bigint,
  from: number,
  to: number,
): Promise<boolean> {
  for await (const { batches } of fetchBatches(cluster, topic, from, to, READ_UNCOMMITTED)) {
    for (const batch of batches) {
      const isIn = batch.lastOffset >= from && batch.baseOffset < to;
      if (isIn && !batch.isControl && batch.producerId === producerId) return true;
    }
  }
  return false;
}

async function* fetchBatches(
  cluster: Cluster,
  topic: string,
  from: number,
  to: number,
  isolationLevel: number,
): AsyncGenerator<FetchedBatches> {
  if (from >= to) return;
  const connection = await requestConnection(await leaderOf(cluster, topic));
  let emptyAnswers = 0;
  for (let next = from; next < to; ) {
    const fetched = await fetch(connection, topic, next, isolationLevel);
    const last = fetched.batches.at(-1);
    if (last === undefined) {
      if (++emptyAnswers < MAX_EMPTY_ANSWERS) continue;
      throw new UnexpectedAnswer(`Fetch of ${topic} at ${next} gave nothing, though it ends at ${to}`);
    }
    emptyAnswers = 0;
    yield fetched;
    next = last.lastOffset + 1;
  }
}

async function fetch(
  connection: Connection,
  topic: string,
  offset: number,
  isolationLevel: number,
): Promise<FetchedBatches> {
  const request = sendRaw(connection, FETCH, [encodeFetch(topic, offset, isolationLevel)]);
  const fetched = decodeFetch(await withTimeout(ANSWER_MS, 'Fetch', request));
  if (fetched.error !== 0) throw protocolError(fetched.error, `Fetch of ${topic} at ${offset}`);
  return fetched;
}

/** Fetch v10 of partition 0, outside of any fetch session. */
export function encodeFetch(
  topic: string,
  offset: number,
  isolationLevel: number,
  maxBytes: number = FETCH_BYTES,
): Buffer {
  const name = Buffer.from(topic);
  const body = Buffer.alloc(67 + name.length);
  let at = body.writeInt32BE(-1, 0); // replica: a client
  at = body.writeInt32BE(FETCH_WAIT_MS, at);
  at = body.writeInt32BE(1, at); // bytes at least
  at = body.writeInt32BE(maxBytes, at);
  at = body.writeInt8(isolationLevel, at);
  at = body.writeInt32BE(0, at); // session
  at = body.writeInt32BE(-1, at); // its epoch: none
  at = body.writeInt32BE(1, at); // topics
  at = body.writeInt16BE(name.length, at);
  at += name.copy(body, at);
  at = body.writeInt32BE(1, at); // partitions
  at = body.writeInt32BE(0, at);
  at = body.writeInt32BE(-1, at); // leader epoch: any
  at = body.writeBigInt64BE(BigInt(offset), at);
  at = body.writeBigInt64BE(-1n, at); // log start: a follower's
  at = body.writeInt32BE(maxBytes, at);
  body.writeInt32BE(0, at); // topics to forget
  return body;
}

/** From the bytes after the correlation id; expects one topic with one partition. */
export function decodeFetch(payload: Buffer): FetchedBatches {
  const { records, ...answer } = decodeFetchAnswer(payload);
  return { ...answer, batches: batchHeaders(records) };
}

/** The same with the records themselves. */
export function decodeFetchAnswer(payload: Buffer): FetchAnswer {
  const sessionError = payload.readInt16BE(4);
  if (sessionError !== 0) return { error: sessionError, aborted: [], records: Buffer.alloc(0) };
  const topics = 10;
  // topics[1] {name, partitions[1] {index, error, high watermark, last stable offset, log start, aborted, records}}
  let at = topics + 4 + 2 + payload.readInt16BE(topics + 4) + 4 + 4;
  const error = payload.readInt16BE(at);
  at += 2 + 8 + 8 + 8;
  const aborted: FetchAnswer['aborted'] = [];
  const count = payload.readInt32BE(at);
  at += 4;
  for (let left = count; left > 0; left--, at += 16) {
    const firstOffset = Number(payload.readBigInt64BE(at + 8));
    aborted.push({ producerId: payload.readBigInt64BE(at), firstOffset });
  }
  const length = payload.readInt32BE(at);
  const records = payload.subarray(at + 4, at + 4 + Math.max(0, length));
  return { error, aborted, records };
}

/** The last batch may be cut off, and is left out then. */
function batchHeaders(records: Buffer): BatchHeader[] {
  const batches: BatchHeader[] = [];
  for (let at = 0; at + FIELD.records <= records.length; ) {
    const end = at + 12 + records.readInt32BE(at + FIELD.length);
    if (end > records.length) break;
    const magic = records.readInt8(at + FIELD.magic);
    if (magic !== 2) throw new UnexpectedAnswer(`a record batch has the format ${magic}, not 2`);
    const baseOffset = Number(records.readBigInt64BE(at));
    batches.push({
      baseOffset,
      lastOffset: baseOffset + records.readInt32BE(at + FIELD.lastOffsetDelta),
      producerId: records.readBigInt64BE(at + FIELD.producerId),
      isControl: (records.readInt16BE(at + FIELD.attributes) & CONTROL) !== 0,
    });
    at = end;
  }
  return batches;
}
