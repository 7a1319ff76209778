import { crc32c } from '@node-rs/crc32';

/** Bytes of a record batch before its first record. */
export const BATCH_HEADER_BYTES = 61;
/** A batch never exceeds the topics' max.message.bytes (1,048,588). */
export const MAX_BATCH_BYTES = 1_048_576;
/** The largest encoded record that the contract lets through. */
export const MAX_KAFKA_RECORD_BYTES = 1_000_000;

const UNCOMPRESSED = 0;
const TRANSACTIONAL = 0x10;

/** Who writes a batch, and where it stands in that producer's sequence for the partition. */
export interface BatchStamp {
  producerId: bigint;
  producerEpoch: number;
  /** Sequence number of the batch's first record, modulo 2^31. */
  baseSequence: number;
  /** Milliseconds since the epoch, for every record of the batch. */
  timestamp: number;
  transactional: boolean;
}

/** A batch that lacks nothing but its header. */
export interface SealableBatch {
  readonly count: number;
  /** Writes header and checksum; returns all of the batch. */
  seal(stamp: BatchStamp): Buffer;
}

/**
 * One record batch (message format v2, KIP-98: the layout is `RecordBatch` in Kafka's protocol guide), written
 * record by record into one buffer that is reused after `reset`. Records have no key and no headers.
 */
export class RecordBatch implements SealableBatch {
  readonly #buffer: Buffer;
  #end = BATCH_HEADER_BYTES;
  #count = 0;

  /** Over a buffer that nobody else writes to, except through `extend`. */
  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(MAX_BATCH_BYTES)) {
    this.#buffer = buffer;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes so far, the header's 61 included. */
  get size(): number {
    return this.#end;
  }

  /** Appends a record with value `bytes[start, end)`; false, and nothing changed, if it does not fit. */
  append(bytes: Uint8Array, start: number, end: number): boolean {
    const valueLength = end - start;
    const offsetDelta = this.#count;
    const bodyLength = 4 + varintSize(offsetDelta) + varintSize(valueLength) + valueLength;
    if (this.#end + varintSize(bodyLength) + bodyLength > this.#buffer.length) return false;
    const buffer = this.#buffer;
    let at = writeVarint(buffer, this.#end, bodyLength);
    buffer[at++] = 0; // attributes
    buffer[at++] = 0; // timestamp delta
    at = writeVarint(buffer, at, offsetDelta);
    buffer[at++] = 1; // no key: length −1 in zigzag
    at = writeVarint(buffer, at, valueLength);
    if (valueLength > 64) {
      buffer.set(bytes.subarray(start, end), at);
    } else {
      for (let from = start, to = at; from < end; from++, to++) buffer[to] = bytes[from] as number;
    }
    at += valueLength;
    buffer[at++] = 0; // no headers
    this.#end = at;
    this.#count++;
    return true;
  }

  /** Takes over records that were written into the buffer as `append` would; sets its size in bytes and number of records. */
  extend(size: number, count: number): void {
    this.#end = size;
    this.#count = count;
  }

  /** The bytes are valid until `reset`. Needs at least one record. */
  seal(stamp: BatchStamp): Buffer {
    return sealBatch(this.#buffer.subarray(0, this.#end), this.#count, UNCOMPRESSED, stamp);
  }

  reset(): void {
    this.#end = BATCH_HEADER_BYTES;
    this.#count = 0;
  }
}

/** Writes header and checksum of a whole batch, whose `count` records are packed by the codec of these attribute bits. */
export function sealBatch(batch: Buffer, count: number, codecBits: number, stamp: BatchStamp): Buffer {
  batch.writeBigInt64BE(0n, 0); // base offset: the broker assigns it
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12); // partition leader epoch
  batch[16] = 2; // magic
  batch.writeInt16BE(codecBits | (stamp.transactional ? TRANSACTIONAL : 0), 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(stamp.timestamp), 27);
  batch.writeBigInt64BE(BigInt(stamp.timestamp), 35);
  batch.writeBigInt64BE(stamp.producerId, 43);
  batch.writeInt16BE(stamp.producerEpoch, 51);
  batch.writeInt32BE(stamp.baseSequence, 53);
  batch.writeInt32BE(count, 57);
  // The checksum covers everything from the attributes on, so it comes last.
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** Size of a non-negative number as a zigzag varint. */
function varintSize(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x2000) return 2;
  if (value < 0x10_0000) return 3;
  if (value < 0x800_0000) return 4;
  return 5;
}

/** Writes a non-negative number below 2^30 as a zigzag varint; returns the offset after it. */
function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value * 2;
  while (rest > 127) {
    buffer[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}
