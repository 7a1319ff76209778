import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

const OFFSET_FETCH = { apiKey: 9, apiName: 'OffsetFetch', apiVersion: 7, flexible: true };

export interface CommittedOffset {
  /** −1: nothing is committed. */
  offset: number;
  metadata: string;
}

/**
 * OffsetFetch v7 of one group for partition 0 of one topic, with require_stable (KIP-447): while a transaction that
 * commits an offset is still being completed, the broker answers UNSTABLE_OFFSET_COMMIT instead of the stale offset.
 * kafkajs stops at v4, which has no such protection. Throws protocol errors by name.
 */
export async function fetchStableOffset(
  connection: Connection,
  groupId: string,
  topic: string,
): Promise<CommittedOffset> {
  return decodeOffsetFetch(await sendRaw(connection, OFFSET_FETCH, [encodeOffsetFetch(groupId, topic)]));
}

export function encodeOffsetFetch(groupId: string, topic: string): Buffer {
  const oneEntry = Uint8Array.of(2); // compact arrays carry length + 1
  const partitionZero = Uint8Array.of(0, 0, 0, 0);
  const tagsStableTags = Uint8Array.of(0, 1, 0); // topic's tags, require_stable, request's tags
  return Buffer.concat([
    compactString(groupId),
    oneEntry,
    compactString(topic),
    oneEntry,
    partitionZero,
    tagsStableTags,
  ]);
}

/** The bytes after the correlation id: the header's tags come first. Expects one topic with one partition. */
export function decodeOffsetFetch(payload: Buffer): CommittedOffset {
  const reader = new CompactReader(payload);
  reader.unsignedVarint(); // header tags
  reader.skip(4); // throttle time
  let partitionError = 0;
  let committed: CommittedOffset = { offset: -1, metadata: '' };
  const topics = reader.unsignedVarint() - 1;
  for (let t = 0; t < topics; t++) {
    reader.compactString();
    const partitions = reader.unsignedVarint() - 1;
    for (let p = 0; p < partitions; p++) {
      reader.skip(4); // partition index
      const offset = Number(reader.int64());
      reader.skip(4); // leader epoch
      const metadata = reader.compactString() ?? '';
      partitionError ||= reader.int16();
      reader.unsignedVarint(); // tags
      committed = { offset, metadata };
    }
    reader.unsignedVarint(); // tags
  }
  const error = reader.int16() || partitionError;
  if (error !== 0) throw protocolError(error, 'OffsetFetch');
  return committed;
}

function compactString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  let rest = bytes.length + 1;
  while (rest > 127) {
    length.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return Buffer.concat([Uint8Array.of(...length, rest), bytes]);
}

/** Reads the compact encodings of flexible protocol versions (KIP-482). */
class CompactReader {
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  skip(count: number): void {
    this.#at += count;
  }

  int16(): number {
    this.#at += 2;
    return this.bytes.readInt16BE(this.#at - 2);
  }

  int64(): bigint {
    this.#at += 8;
    return this.bytes.readBigInt64BE(this.#at - 8);
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.readUInt8(this.#at++);
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new Error('a varint of the answer is longer than 5 bytes');
  }

  compactString(): string | null {
    const length = this.unsignedVarint() - 1;
    if (length < 0) return null;
    this.#at += length;
    return this.bytes.toString('utf8', this.#at - length, this.#at);
  }
}
