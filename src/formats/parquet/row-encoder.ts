import { fitsRecord, MAX_ERRORS } from '../limits.js';
import { rejectionOf, rowError } from '../row-errors.js';
import type { FieldError, RowSink } from '../row-reader.js';
import { shorten } from '../text.js';
import type { ArrowArray } from './arrow-data.js';
import type { FieldPlan } from './field-plan.js';
import { writeAscii } from './values/json-bytes.js';
import { ROW_LIMIT_BYTES, ROW_ROOM_BYTES, type RowNotes } from './values/value-reader.js';

/** Of a column's name inside a message. */
const MAX_NAME_LENGTH = 128;

/** Turns the rows of batches into JSON objects, and decides about each. */
export class RowEncoder {
  readonly #row = Buffer.allocUnsafeSlow(ROW_LIMIT_BYTES + ROW_ROOM_BYTES);
  /** Of the fields of the row whose values are wrong: their places. */
  readonly #wrong: number[] = [];

  constructor(
    private readonly fields: readonly FieldPlan[],
    private readonly notes: RowNotes,
  ) {}

  /** Takes a batch: a struct of the file's columns in `memory`. */
  bind(batch: ArrowArray, memory: ArrayBuffer): void {
    for (const [index, { reader }] of this.fields.entries()) {
      const column = batch.children[index];
      if (column === undefined) throw new RangeError('the decoder gave fewer columns than the schema names');
      reader.bind(column, memory);
    }
  }

  /** Decides about a row of the batch, which is number `rowNumber` in the file. Returns the bytes of its JSON. */
  decide(row: number, rowNumber: number, sink: RowSink): number {
    const end = this.#write(row);
    if (end <= ROW_LIMIT_BYTES && fitsRecord(end) && this.#wrong.length === 0) {
      sink.accept(this.#row, 0, end);
      return end;
    }
    const errors = fitsRecord(end)
      ? this.#wrong.flatMap((index) => this.#errorsOf(this.fields[index] as FieldPlan, row))
      : [rowError('ROW_TOO_LARGE', "the row's JSON does not fit into a record of 1,000,000 bytes")];
    sink.reject(rejectionOf({ rowNumber, line: null, byteOffset: null }, errors, this.#row, 0, end));
    return end;
  }

  /** Where the row's JSON ends; beyond the limit it may be cut. */
  #write(row: number): number {
    const { fields, notes } = this;
    const out = this.#row;
    const wrong = this.#wrong;
    wrong.length = 0;
    notes.hasNonFinite = false;
    let at = 0;
    out[at++] = 0x7b;
    for (let index = 0; index < fields.length; index++) {
      const { key, reader, check, accepts } = fields[index] as FieldPlan;
      for (let i = 0; i < key.length; i++) out[at + i] = key[i] as number;
      at += key.length;
      if (reader.isNull(row)) {
        at = writeAscii(out, at, 'null');
        if (check !== null && !check.nullable) wrong.push(index);
      } else {
        at = reader.write(row, out, at);
        if (at > ROW_LIMIT_BYTES) return at;
        if (notes.hasNonFinite) {
          notes.hasNonFinite = false;
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
  #errorsOf({ name, reader, check }: FieldPlan, row: number): FieldError[] {
    if (check !== null && reader.isNull(row)) return [check.nullError('')];
    const text = reader.text(row);
    const errors = check?.errorsOf(text) ?? [];
    return errors.length > 0 ? errors : [notANumber(name, text)];
  }
}

/** NaN or an infinity in a column that the model does not know. */
function notANumber(name: string, text: string): FieldError {
  return {
    column: name,
    type: null,
    error: 'NOT_A_NUMBER',
    observed: text === '' ? null : text,
    message: `column '${shorten(name, MAX_NAME_LENGTH)}': NaN and infinities have no JSON`,
  };
}
