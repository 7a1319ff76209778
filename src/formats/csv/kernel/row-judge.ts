import { isUtf8 } from 'node:buffer';
import { type CsvDialect } from '../../../ingest/index.js';
import { fitsRecord } from '../../limits.js';
import { invalidEncoding, tooLarge } from '../../row-errors.js';
import type { FieldError } from '../../row-reader.js';
import { FieldText } from '../field-text.js';
import type { JsonRow } from '../json-row.js';
import type { RowCheck, RowFields } from '../row-check.js';
import { ragged } from '../row-errors.js';
import type { CsvKernel } from './csv-kernel.js';
import { ENTRIES, TYPED } from './memory-layout.js';

const ENTRY_SLOTS = 3;
/** The column of an entry. */
const COLUMN_BITS = 0xffff;

/** Decides about the rows that are not plainly good, by the reference reader's checks. */
export class RowJudge {
  readonly #fieldText: FieldText;
  readonly #field = new OneField();
  readonly #entries: Int32Array;
  readonly #memory: Buffer;

  constructor(
    { memory }: CsvKernel,
    private readonly check: RowCheck,
    /** null: accepted rows stay as they are. */
    private readonly json: JsonRow | null,
    private readonly fieldCount: number,
    dialect: CsvDialect,
  ) {
    this.#memory = memory;
    this.#entries = new Int32Array(memory.buffer, ENTRIES);
    this.#fieldText = new FieldText(dialect);
  }

  /** The errors of a row by the fields that the kernel left: `count` entries from `entry` on. null: it is good. */
  errorsOfEntries(entry: number, count: number): FieldError[] | null {
    const entries = this.#entries;
    const memory = this.#memory;
    let errors: FieldError[] | null = null;
    for (let slot = entry * ENTRY_SLOTS; slot < (entry + count) * ENTRY_SLOTS; slot += ENTRY_SLOTS) {
      const column = (entries[slot] as number) & COLUMN_BITS;
      const check = this.check.checks.get(column);
      if (check === undefined) throw new Error(`the kernel left column ${column}, which takes anything`);
      const raw = memory.toString('utf8', entries[slot + 1] as number, entries[slot + 2] as number);
      this.#field.quoted = this.#fieldText.isQuoted(raw);
      this.#field.value = this.#fieldText.textOf(raw);
      const isTyped = ((entries[slot] as number) & TYPED) !== 0;
      const found = isTyped
        ? check.constraintErrorsOf(this.#field.value)
        : this.check.errorsOfField(check, this.#field, column);
      if (found !== null) errors = errors === null ? found : errors.concat(found);
    }
    return errors;
  }

  /** The errors of the well-formed record bytes[start, stop). null: it is good. */
  errorsOfRow(bytes: Buffer, start: number, stop: number): FieldError[] | null {
    if (this.json === null && !fitsRecord(stop - start)) return [tooLarge(stop - start)];
    const record = bytes.subarray(start, stop);
    if (!isUtf8(record)) return [invalidEncoding()];
    const fields = this.#split(record);
    if (fields.count !== this.fieldCount) return [ragged(this.fieldCount, fields.count)];
    return this.check.errorsOf(fields);
  }

  /** What the good record bytes[start, stop) is as a Kafka record's value; it may be too large for one. */
  valueOf(bytes: Buffer, start: number, stop: number): Buffer {
    const record = bytes.subarray(start, stop);
    return this.json === null ? record : this.json.encode(this.#split(record));
  }

  #split(record: Buffer): SplitFields {
    return new SplitFields(this.#fieldText.split(record.toString()), this.#fieldText);
  }
}

class OneField implements RowFields {
  value = '';
  quoted = false;

  text(): string {
    return this.value;
  }

  isQuoted(): boolean {
    return this.quoted;
  }
}

class SplitFields implements RowFields {
  constructor(
    private readonly raw: readonly string[],
    private readonly fieldText: FieldText,
  ) {}

  get count(): number {
    return this.raw.length;
  }

  text(index: number): string {
    return this.fieldText.textOf(this.raw[index] as string);
  }

  isQuoted(index: number): boolean {
    return this.fieldText.isQuoted(this.raw[index] as string);
  }
}
