import { ByteWriter } from '../canonical/byte-writer.js';
import { CanonicalRow, HASH_BYTES } from '../canonical/canonical-row.js';
import type { BlockPiece, DataBlock } from '../sink.js';
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

/**
 * Rows of a block in COPY's binary format: row_number bigint, content_hash bytea, data jsonb. They are encoded piece by piece
 * whenever they are asked for: a row of JSON may be many times as large as its record.
 */
export interface EncodedBlock {
  /** Those of the rows `[from, to)` that have an encoding, by index in the block. A chunk is valid until the next one. */
  rows(from: number, to: number): Iterable<Buffer>;
  /** Rows that were found so far to have no encoding, by index. */
  readonly rejects: ReadonlyMap<number, SinkReject>;
  /** Number of the last row that was encoded so far, or rejected. */
  readonly lastRow: number;
  /** The content_hash of a row that was encoded. */
  hashOf(index: number): Buffer;
}

/** Encodes the blocks of a job, one at a time, in memory that is used again. */
export class BlockEncoder {
  readonly #row: CanonicalRow;
  readonly #out = new ByteWriter();

  constructor({ modelId, columns }: SinkJob) {
    this.#row = new CanonicalRow(modelId, columns);
  }

  /** `maxRejects`: of more rows than that without an encoding, one more is told. */
  begin(block: DataBlock, maxRejects: number): EncodedBlock {
    const out = this.#out;
    const rejects = new Map<number, SinkReject>();
    const hashes = Buffer.allocUnsafeSlow(block.count * HASH_BYTES);
    let lastRow = 0;
    /** The piece in `out`, and where its rows begin there. */
    let piece: BlockPiece | undefined;
    let starts = new Float64Array(0);
    const encode = (wanted: BlockPiece, firstIndex: number): void => {
      piece = undefined;
      starts = new Float64Array(wanted.count + 1);
      out.length = 0;
      let index = 0;
      wanted.forEach((bytes, start, end, rowNumber, offset) => {
        lastRow = Math.max(lastRow, rowNumber);
        const problem = this.#row.read(bytes, start, end);
        if (problem === null) {
          const hashAt = out.length + HASH_AT;
          this.#write(rowNumber);
          out.bytes.copy(hashes, (firstIndex + index) * HASH_BYTES, hashAt, hashAt + HASH_BYTES);
        } else if (rejects.size <= maxRejects)
          rejects.set(firstIndex + index, { offset, rowNumber, ...problem, ...rawOf(bytes, start, end) });
        starts[++index] = out.length;
      });
      piece = wanted;
    };
    return {
      *rows(from, to) {
        let first = 0;
        for (const each of block.pieces) {
          const begin = Math.max(0, from - first);
          const end = Math.min(each.count, to - first);
          if (begin < end) {
            if (piece !== each) encode(each, first);
            yield out.bytes.subarray(starts[begin], starts[end]);
          }
          first += each.count;
        }
      },
      rejects,
      get lastRow() {
        return lastRow;
      },
      hashOf: (index) => hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
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
