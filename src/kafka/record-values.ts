import { crc32c } from '@node-rs/crc32';
import type { FetchAnswer } from './batch-headers.js';
import { unpackRecords } from './compression.js';
import { UnexpectedAnswer } from './kafka-failure.js';
import { BATCH_HEADER_BYTES, type RecordBatch } from './record-batch.js';

/** Bits of a batch's attributes (`RecordBatch` in Kafka's protocol guide). */
const CODEC = 0x07;
const CONTROL = 0x20;
const FIELD = { length: 8, magic: 16, checksum: 17, attributes: 21, lastOffsetDelta: 23, producerId: 43, count: 57 };

/** The committed records of one batch: the value of record i is `bytes[starts[i], ends[i])`. */
export interface RecordValues {
  bytes: Buffer;
  count: number;
  offsets: Float64Array;
  starts: Uint32Array;
  ends: Uint32Array;
}

/**
 * The committed records of a fetch at read_committed, batch by batch, and the offset that the next fetch begins at; null
 * if nothing came. Control records, aborted records, and those below `from` are left out. Throws UnexpectedAnswer if a
 * batch is damaged, or packed by a codec that no job uses.
 */
export async function readValues(
  { aborted, records }: Pick<FetchAnswer, 'aborted' | 'records'>,
  from: number,
): Promise<{ values: RecordValues[]; next: number } | null> {
  const left = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  /** Producers whose transaction at this place was aborted. */
  const aborting = new Set<bigint>();
  const values: RecordValues[] = [];
  let next = -1;
  for (let at = 0; at + BATCH_HEADER_BYTES <= records.length; ) {
    const end = at + 12 + records.readInt32BE(at + FIELD.length);
    if (end > records.length) break;
    const batch = records.subarray(at, end);
    check(batch);
    const lastOffset = Number(batch.readBigInt64BE(0)) + batch.readInt32BE(FIELD.lastOffsetDelta);
    const producerId = batch.readBigInt64BE(FIELD.producerId);
    while ((left[0]?.firstOffset ?? Number.POSITIVE_INFINITY) <= lastOffset) {
      aborting.add((left.shift() as (typeof left)[number]).producerId);
    }
    const isControl = (batch.readInt16BE(FIELD.attributes) & CONTROL) !== 0;
    if (isControl) aborting.delete(producerId);
    else if (!aborting.has(producerId) && lastOffset >= from) values.push(await valuesOf(batch, from));
    next = lastOffset + 1;
    at = end;
  }
  return next < 0 ? null : { values: values.filter(({ count }) => count > 0), next };
}

/** The values of the first `limit` records of a batch that is not sealed yet; their offsets count from 0. */
export function firstValues({ buffer, size, count }: RecordBatch, limit: number): RecordValues {
  return parseRecords(buffer.subarray(BATCH_HEADER_BYTES, size), 0, Math.min(count, limit), 0);
}

function check(batch: Buffer): void {
  const magic = batch.readInt8(FIELD.magic);
  if (magic !== 2) throw new UnexpectedAnswer(`a record batch has the format ${magic}, not 2`);
  if (crc32c(batch.subarray(FIELD.attributes)) !== batch.readUInt32BE(FIELD.checksum)) {
    throw new UnexpectedAnswer('a record batch does not match its checksum');
  }
}

async function valuesOf(batch: Buffer, from: number): Promise<RecordValues> {
  const codec = batch.readInt16BE(FIELD.attributes) & CODEC;
  const bytes = await unpackRecords(codec, batch.subarray(BATCH_HEADER_BYTES));
  return parseRecords(bytes, Number(batch.readBigInt64BE(0)), batch.readInt32BE(FIELD.count), from);
}

function parseRecords(bytes: Buffer, baseOffset: number, total: number, from: number): RecordValues {
  const offsets = new Float64Array(total);
  const starts = new Uint32Array(total);
  const ends = new Uint32Array(total);
  const reader = new VarintReader(bytes);
  let count = 0;
  for (let i = 0; i < total; i++) {
    const length = reader.next();
    const end = reader.at + length;
    reader.at += 1; // attributes
    reader.skip(); // timestamp delta
    const offset = baseOffset + reader.next();
    const keyLength = reader.next();
    if (keyLength > 0) reader.at += keyLength;
    const valueLength = reader.next();
    const start = reader.at;
    if (length < 0 || end > bytes.length || start + valueLength > end) {
      throw new UnexpectedAnswer('a record batch is damaged');
    }
    if (valueLength >= 0 && offset >= from) {
      offsets[count] = offset;
      starts[count] = start;
      ends[count] = start + valueLength;
      count++;
    }
    reader.at = end;
  }
  return { bytes, count, offsets, starts, ends };
}

/** Zigzag varints, as in protocol buffers. */
class VarintReader {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** The next one, of at most 32 bits. */
  next(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new UnexpectedAnswer('a record batch is damaged');
  }

  skip(): void {
    for (let left = 10; left > 0; left--) if ((this.bytes[this.at++] as number) < 0x80) return;
    throw new UnexpectedAnswer('a record batch is damaged');
  }
}
