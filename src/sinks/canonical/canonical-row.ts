import { hash } from 'node:crypto';
import type { Column } from '../../models/schema/index.js';
import { ABSENT, type ExtraField, JsonFields, NULL, STRING } from '../json-fields.js';
import { ByteWriter } from './byte-writer.js';
import { byName, CanonicalValues, planValue, type ValuePlan, type ValueProblem } from './canonical-value.js';

const OPEN = 0x7b;
const CLOSE = 0x7d;
export const HASH_BYTES = 32;

/** Why a row has no canonical form. */
export interface RowProblem extends ValueProblem {
  column: string;
  /** null: the model does not know the column. */
  type: string | null;
}

interface ColumnPlan {
  index: number;
  column: Column;
  /** `,"name":` */
  key: Buffer;
  value: ValuePlan;
}

/**
 * The canonical form of a model's rows and its SHA-256, the content_hash (docs/reference/content-hash.md). Rows that say the
 * same have the same form, whatever file they come from.
 */
export class CanonicalRow {
  /** What is stored of the row, as UTF-8 JSON: `data.bytes[dataStart, data.length)`, until the next row is read. */
  readonly data = new ByteWriter();
  readonly dataStart: number;
  readonly #fields: JsonFields;
  readonly #columns: readonly ColumnPlan[];
  readonly #values = new CanonicalValues(this.data);
  /** What is hashed of a row with columns that the model does not know. */
  readonly #hashed = new ByteWriter();
  readonly #hashedValues = new CanonicalValues(this.#hashed);
  #hasExtras = false;

  constructor(modelId: string, columns: readonly Column[]) {
    this.#fields = new JsonFields(columns);
    this.#columns = columns
      .map((column, index): [string, ColumnPlan] => [
        column.name,
        { index, column, key: Buffer.from(`,${JSON.stringify(column.name)}:`), value: planValue(column) },
      ])
      .sort(byName)
      .map(([, plan]) => plan);
    this.data.text(`${modelId}\n`);
    this.dataStart = this.data.length;
  }

  /** Reads the row `bytes[start, end)`, a JSON object; what the form does not have, or null. */
  read(bytes: Buffer, start: number, end: number): RowProblem | null {
    const fields = this.#fields;
    const { data } = this;
    fields.read(bytes, start, end);
    data.length = this.dataStart;
    for (const { index, column, key, value } of this.#columns) {
      const kind = fields.kinds[index] as number;
      if (kind === ABSENT || kind === NULL) continue;
      data.copy(key, 0, key.length);
      this.#values.write(value, kind, bytes, fields.starts[index] as number, fields.ends[index] as number);
      if (this.#values.problem !== null) return this.#take(column.name, column.type);
    }
    const { extras } = fields;
    this.#hasExtras = false;
    if (extras.length > 0) {
      const problem = this.#extras(bytes, extras);
      if (problem !== null) return problem;
    }
    if (data.length === this.dataStart) data.byte(OPEN);
    data.bytes[this.dataStart] = OPEN;
    data.byte(CLOSE);
    return null;
  }

  /** Writes the content_hash of the row that was read last, HASH_BYTES long. */
  hashInto(target: Buffer, at: number): void {
    const { bytes, length } = this.#hasExtras ? this.#hashed : this.data;
    target.write(hash('sha256', bytes.subarray(0, length), 'binary'), at, 'latin1');
  }

  /** Columns that the model does not know: stored as they are, hashed as text, since a file of text has nothing else. */
  #extras(bytes: Buffer, extras: readonly ExtraField[]): RowProblem | null {
    const { data } = this;
    const hashed = this.#hashed;
    hashed.length = 0;
    hashed.copy(data.bytes, 0, data.length);
    if (hashed.length === this.dataStart) hashed.byte(OPEN);
    hashed.bytes[this.dataStart] = OPEN;
    hashed.text('}\n');
    const from = hashed.length;
    for (const { name, kind, start, end } of [...extras].sort((a, b) => byName([a.name, a], [b.name, b]))) {
      if (kind === NULL) continue;
      this.#hasExtras = true;
      const key = `,${JSON.stringify(name)}:`;
      data.text(key);
      const valueAt = data.length;
      this.#values.write(null, kind, bytes, start, end);
      hashed.text(key);
      if (kind === STRING) this.#hashedValues.write(null, kind, bytes, start, end);
      else hashed.text(JSON.stringify(data.bytes.toString('utf8', valueAt, data.length)));
      if (name.includes('\0') || !name.isWellFormed()) {
        const message = 'the name of the column has the character U+0000, or half a surrogate pair';
        this.#values.problem = { error: 'UNSUPPORTED_VALUE', observed: '', message };
      }
      this.#hashedValues.problem = null;
      if (this.#values.problem !== null) return this.#take(name.replaceAll('\0', '\u{fffd}').toWellFormed(), null);
    }
    if (!this.#hasExtras) return null;
    hashed.bytes[from] = OPEN;
    hashed.byte(CLOSE);
    return null;
  }

  #take(column: string, type: string | null): RowProblem {
    const problem = this.#values.problem as ValueProblem;
    this.#values.problem = null;
    return { column, type, ...problem };
  }
}
