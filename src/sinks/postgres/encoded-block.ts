import { ByteWriter } from '../canonical/byte-writer.js';
import { CanonicalRow, HASH_BYTES } from '../canonical/canonical-row.js';
import type { DataBlock } from '../sink.js';
import type { SinkJob } from '../sink-job.js';
import type { SinkReject } from '../sink-reject.js';
import { rawOf } from './raw-row.js';

const COLUMNS = 3;
/** Number of columns, then the row's number and the hash, each behind its length; then the length of the JSON and jsonb's version. */
const HASH_AT = 2 + 4 + 8 + 4;
const JSON_LENGTH_AT = HASH_AT + HASH_BYTES;
const JSON_AT = JSON_LENGTH_AT + 4 + 1;
const JSONB_VERSION = 1;
const TWO_TO_32 = 2 ** 32;

/** Rows of a block in COPY's binary format: row_number bigint, content_hash bytea, data jsonb. Valid until the next block. */
export interface EncodedBlock {
  count: number;
  /** Number of the last row of the block, rejected or not. */
  lastRow: number;
  rowNumbers: Float64Array;
  offsets: Float64Array;
  /** Rows that were not encoded. */
  rejects: SinkReject[];
  /** COPY's bytes of the rows `[from, to)`. */
  slice(from: number, to: number): Buffer;
  /** The content_hash of a row. */
  hashOf(index: number): Buffer;
}

/** Encodes the blocks of a job, one at a time, in memory that is used again. */
export class BlockEncoder {
  readonly #row: CanonicalRow;
  readonly #out = new ByteWriter();

  constructor({ modelId, columns }: SinkJob) {
    this.#row = new CanonicalRow(modelId, columns);
  }

  encode(block: DataBlock): EncodedBlock {
    const row = this.#row;
    const out = this.#out;
    const rowNumbers = new Float64Array(block.count);
    const offsets = new Float64Array(block.count);
    const starts = new Float64Array(block.count + 1);
    const rejects: SinkReject[] = [];
    let count = 0;
    let lastRow = 0;
    out.length = 0;
    block.forEach((bytes, start, end, rowNumber, offset) => {
      lastRow = rowNumber;
      const problem = row.read(bytes, start, end);
      if (problem !== null) {
        rejects.push({ offset, rowNumber, ...problem, ...rawOf(bytes, start, end) });
        return;
      }
      rowNumbers[count] = rowNumber;
      offsets[count] = offset;
      starts[count++] = out.length;
      this.#write(rowNumber);
    });
    starts[count] = out.length;
    const startOf = (index: number): number => starts[index] as number;
    return {
      count,
      lastRow,
      rowNumbers,
      offsets,
      rejects,
      slice: (from, to) => out.bytes.subarray(startOf(from), startOf(to)),
      hashOf: (index) => out.bytes.subarray(startOf(index) + HASH_AT, startOf(index) + HASH_AT + HASH_BYTES),
    };
  }

  #write(rowNumber: number): void {
    const row = this.#row;
    const out = this.#out;
    const { data, dataStart } = row;
    out.reserve(JSON_AT);
    const { bytes, length: at } = out;
    bytes.writeUInt16BE(COLUMNS, at);
    bytes.writeUInt32BE(8, at + 2);
    bytes.writeUInt32BE(Math.floor(rowNumber / TWO_TO_32), at + 6);
    bytes.writeUInt32BE(rowNumber % TWO_TO_32, at + 10);
    bytes.writeUInt32BE(HASH_BYTES, at + 14);
    row.hashInto(bytes, at + HASH_AT);
    bytes.writeUInt32BE(data.length - dataStart + 1, at + JSON_LENGTH_AT);
    bytes[at + JSON_AT - 1] = JSONB_VERSION;
    out.length = at + JSON_AT;
    out.copy(data.bytes, dataStart, data.length);
  }
}
