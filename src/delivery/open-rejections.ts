import type { RejectedRow } from '../formats/index.js';
import { firstValues, type RecordBatch } from '../kafka/index.js';

/** What a log may say of a rejected row: where it is and what is wrong, never a value. */
export interface RejectionNote {
  /** From 1. */
  row: number;
  line: number | null;
  /** Offset of its first byte in the decompressed file; null if the format has none. */
  byteOffset: number | null;
  /** One for each error; `columns[i]` is null if error i is the row's. */
  codes: string[];
  columns: (string | null)[];
}

/** The rejected rows of the transaction that is open, kept until it is known whether they are committed. */
export class OpenRejections {
  #rows = 0;
  #first: RejectionNote | null = null;

  /** The transaction takes the rows of this batch. */
  add(batch: RecordBatch): void {
    this.#rows += batch.count;
    this.#first ??= noteFirst(batch);
  }

  /**
   * The rejected rows of a transaction that is committed up to row `row` of the file; null if none was rejected, or what
   * was kept lies behind that row: a transaction is committed as a whole or not at all.
   */
  take(row: number): { rows: number; first: RejectionNote } | null {
    const [rows, first] = [this.#rows, this.#first];
    this.clear();
    return first === null || first.row > row ? null : { rows, first };
  }

  /** They are not committed. */
  clear(): void {
    this.#rows = 0;
    this.#first = null;
  }
}

function noteFirst(batch: RecordBatch): RejectionNote | null {
  const { bytes, starts, ends, count } = firstValues(batch, 1);
  return count === 0 ? null : noteOf(bytes.toString('utf8', starts[0], ends[0]));
}

/** From the record of the DLQ, as `encodeRejectedRow` writes it. */
function noteOf(json: string): RejectionNote {
  const { row_number: row, line, byte_offset: byteOffset, errors } = JSON.parse(json) as RejectedRow;
  return {
    ...{ row, line, byteOffset },
    codes: errors.map(({ error }) => error),
    columns: errors.map(({ column }) => column),
  };
}
