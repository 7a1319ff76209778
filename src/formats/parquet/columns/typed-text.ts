import { type JsonWriter, jsonWriter } from '../../validation/json-value.js';
import type { ValueCheck } from '../../validation/value-check.js';
import { StringReader } from './bytes.js';
import { writeAscii } from './json-bytes.js';
import type { RowFlags } from './value-reader.js';

/** Texts that are values of another type in the model, as its check normalizes them; those that are not one stay strings. */
export class TypedTextReader extends StringReader {
  readonly #json: JsonWriter;

  constructor(
    private readonly check: ValueCheck,
    notes: RowFlags,
  ) {
    super(notes);
    const { normalize } = check;
    const write = jsonWriter(check.type);
    this.#json = normalize === null ? write : (text) => write(normalize(text));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    if (this.isUnusable(row)) return super.write(row, out, at);
    const text = this.text(row);
    // A value of a type other than String is ASCII.
    return this.check.test(text) === null ? writeAscii(out, at, this.#json(text)) : super.write(row, out, at);
  }
}
