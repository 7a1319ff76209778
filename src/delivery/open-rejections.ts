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
  /** Not all errors are here. */
  isTruncated: boolean;
  /** When it was rejected, ISO 8601. */
  at: string;
}

/** Rejected rows of a transaction that is committed. */
export interface CommittedRejections {
  rows: number;
  first: RejectionNote;
  /** The first ones, as lines of the errors log, in chunks of about CHUNK_CHARS. */
  chunks: readonly { lines: string; rows: number }[];
  /** Rows that are not in `chunks`, because they would be too many. */
  omitted: number;
}

/** Lines of the errors log for one transaction, which may reject 200,000 rows. */
const MAX_CHARS = 4_000_000;
const CHUNK_CHARS = 64_000;

/** The rejected rows of the transaction that is open, kept until it is known whether they are committed. */
export class OpenRejections {
  #rows = 0;
  #first: RejectionNote | null = null;
  #chunks: { lines: string; rows: number }[] = [];
  #chars = 0;
  #noted = 0;

  /** `lineOf`: the line of the errors log for a row, without its end; null: nobody keeps that log. */
  constructor(private readonly lineOf: ((note: RejectionNote) => string) | null) {}

  /** The transaction takes the rows of this batch. */
  add(batch: RecordBatch): void {
    this.#rows += batch.count;
    const isKept = this.lineOf !== null && this.#chars < MAX_CHARS;
    if (this.#first !== null && !isKept) return;
    const { bytes, starts, ends, count } = firstValues(batch, isKept ? batch.count : 1);
    for (let i = 0; i < count && (this.#chars < MAX_CHARS || this.#first === null); i++) {
      const note = noteOf(bytes.toString('utf8', starts[i], ends[i]));
      this.#first ??= note;
      if (this.lineOf !== null) this.#keep(this.lineOf(note));
    }
  }

  /**
   * The rejected rows of a transaction that is committed up to row `row` of the file; null if none was rejected, or what
   * was kept lies behind that row: a transaction is committed as a whole or not at all.
   */
  take(row: number): CommittedRejections | null {
    const [rows, first, chunks] = [this.#rows, this.#first, this.#chunks];
    const omitted = this.lineOf === null ? 0 : rows - this.#noted;
    this.#rows = 0;
    this.#first = null;
    this.#chunks = [];
    this.#chars = 0;
    this.#noted = 0;
    return first === null || first.row > row ? null : { rows, first, chunks, omitted };
  }

  #keep(line: string): void {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.lines.length < CHUNK_CHARS) {
      last.lines += `${line}\n`;
      last.rows += 1;
    } else this.#chunks.push({ lines: `${line}\n`, rows: 1 });
    this.#chars += line.length + 1;
    this.#noted += 1;
  }
}

/** From the record of the DLQ, as `encodeRejectedRow` writes it. */
function noteOf(json: string): RejectionNote {
  const row = JSON.parse(json) as RejectedRow;
  return {
    row: row.row_number,
    line: row.line,
    byteOffset: row.byte_offset,
    codes: row.errors.map(({ error }) => error),
    columns: row.errors.map(({ column }) => column),
    isTruncated: row.errors_truncated,
    at: row.timestamp,
  };
}
