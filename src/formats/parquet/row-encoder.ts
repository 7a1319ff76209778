import { fitsRecord, MAX_ERRORS } from '../limits.js';
import { rejectionOf, rowError } from '../row-errors.js';
import type { FieldError, RowConsumer } from '../row-reader.js';
import { RowErrors } from '../validation/row-problems.js';
import type { ArrowArray } from './arrow-data.js';
import { writeAscii } from './columns/json-bytes.js';
import { ROW_LIMIT_BYTES, ROW_ROOM_BYTES, type RowFlags } from './columns/value-reader.js';
import { explain } from './conversions/value-conversion.js';
import type { FieldConversion } from './field-conversion.js';

/** Turns the rows of batches into JSON objects, and decides about each. */
export class RowEncoder {
  readonly #row = Buffer.allocUnsafeSlow(ROW_LIMIT_BYTES + ROW_ROOM_BYTES);
  /** Indexes of the row's fields whose values are wrong. */
  readonly #wrong: number[] = [];

  constructor(
    private readonly fields: readonly FieldConversion[],
    private readonly notes: RowFlags,
  ) {}

  /** Takes a batch: a struct of the file's columns in `memory`. */
  bind(batch: ArrowArray, memory: ArrayBuffer): void {
    for (const [index, { conversion }] of this.fields.entries()) {
      const column = batch.children[index];
      if (column === undefined) throw new RangeError('the decoder gave fewer columns than the schema names');
      conversion.reader.bind(column, memory);
    }
  }

  /** Decides about a row of the batch, which is number `rowNumber` in the file. Returns the bytes of its JSON. */
  decide(row: number, rowNumber: number, consumer: RowConsumer): number {
    const end = this.#write(row);
    if (end <= ROW_LIMIT_BYTES && fitsRecord(end) && this.#wrong.length === 0) {
      consumer.accept(this.#row, 0, end);
      return end;
    }
    const errors = fitsRecord(end)
      ? this.#errorsOf(row)
      : [rowError('ROW_TOO_LARGE', "the row's JSON does not fit into a record of 1,000,000 bytes")];
    consumer.reject(rejectionOf({ rowNumber, line: null, byteOffset: null }, errors, this.#row, 0, end));
    return end;
  }

  /** Where the row's JSON ends; beyond the limit it may be cut. */
  #write(row: number): number {
    const { fields, notes } = this;
    const out = this.#row;
    const wrong = this.#wrong;
    wrong.length = 0;
    notes.hasFlaw = false;
    let at = 0;
    out[at++] = 0x7b;
    for (let index = 0; index < fields.length; index++) {
      const { key, conversion } = fields[index] as FieldConversion;
      const { reader, accepts } = conversion;
      for (let i = 0; i < key.length; i++) out[at + i] = key[i] as number;
      at += key.length;
      if (reader.isNull(row)) {
        at = writeAscii(out, at, 'null');
        if (!conversion.nullable) wrong.push(index);
      } else {
        at = reader.write(row, out, at);
        if (at > ROW_LIMIT_BYTES) return at;
        if (notes.hasFlaw) {
          notes.hasFlaw = false;
          wrong.push(index);
        } else if (accepts !== null && !accepts(row)) wrong.push(index);
      }
      // One more than is kept says that there are more.
      if (wrong.length > MAX_ERRORS) wrong.length = MAX_ERRORS + 1;
    }
    out[at++] = 0x7d;
    return at;
  }

  /** At least one. */
  #errorsOf(row: number): FieldError[] {
    const problems = new RowErrors();
    for (const index of this.#wrong) {
      const { name, conversion } = this.fields[index] as FieldConversion;
      explain(conversion, row, name, problems);
    }
    return problems.errors ?? [];
  }
}
