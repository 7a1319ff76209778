import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

export const PRODUCE = { apiKey: 0, apiName: 'Produce', apiVersion: 7 };
const BROKER_TIMEOUT_MS = 30_000;

/**
 * Produce v7 of one sealed batch to partition 0 of one topic, acks=all. Returns the offset of the batch's first
 * record. Throws a protocol error by name, or kafkajs' connection errors, after which the batch may still have landed.
 */
export async function produceBatch(
  connection: Connection,
  topic: string,
  transactionalId: string,
  batch: Uint8Array,
): Promise<number> {
  const answer = await sendRaw(connection, PRODUCE, [encodeHead(topic, transactionalId, batch.length), batch]);
  const { errorCode, baseOffset, throttleMs } = decodeProduceAnswer(answer);
  connection.requestQueue.maybeThrottle(throttleMs);
  if (errorCode !== 0) throw protocolError(errorCode, `Produce to ${topic}`);
  return baseOffset;
}

function encodeHead(topic: string, transactionalId: string, recordBytes: number): Buffer {
  const id = Buffer.from(transactionalId);
  const name = Buffer.from(topic);
  const head = Buffer.allocUnsafe(26 + id.length + name.length);
  let at = head.writeInt16BE(id.length, 0);
  at += id.copy(head, at);
  at = head.writeInt16BE(-1, at); // acks: all in-sync replicas
  at = head.writeInt32BE(BROKER_TIMEOUT_MS, at);
  at = head.writeInt32BE(1, at); // topics
  at = head.writeInt16BE(name.length, at);
  at += name.copy(head, at);
  at = head.writeInt32BE(1, at); // partitions
  at = head.writeInt32BE(0, at);
  head.writeInt32BE(recordBytes, at);
  return head;
}

/** The answer's only partition: topics[1] {name, partitions[1] {index, error, base offset, append time, log start}}. */
export function decodeProduceAnswer(payload: Buffer): { errorCode: number; baseOffset: number; throttleMs: number } {
  const nameLength = payload.readInt16BE(4);
  const partition = 6 + nameLength + 4;
  return {
    errorCode: payload.readInt16BE(partition + 4),
    baseOffset: Number(payload.readBigInt64BE(partition + 6)),
    throttleMs: payload.readInt32BE(partition + 30),
  };
}
