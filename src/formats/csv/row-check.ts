import type { NullValues, QuotedEmpty, QuotedNulls } from '../../ingest/index.js';
import type { Column } from '../../models/schema/index.js';
import { MAX_ERRORS } from '../limits.js';
import type { FieldError } from '../row-reader.js';
import { type Normalizations, normalizers } from '../validation/normalization.js';
import { ValueCheck } from '../validation/value-check.js';
import { matchHeader } from './header-matching.js';
import { isSpelledNull, type NullSpellings, nullSpellings } from './null-spellings.js';

/** The fields of one well-formed record. */
export interface RowFields {
  /** Without its quotes. */
  text(index: number): string;
  /** Whether field `index` begins with a quote. */
  isQuoted(index: number): boolean;
}

interface RowCheckOptions {
  columns: readonly Column[];
  additionalColumns: boolean;
  header: { columns: readonly string[] };
  nullValues?: NullValues | undefined;
  quotedNulls?: QuotedNulls | undefined;
  quotedEmpty?: QuotedEmpty | undefined;
  normalize?: Normalizations | undefined;
}

/** Checks the fields of one row against the model, in the file's order of columns. */
export class RowCheck {
  /** By the index of their field; columns that take any text are left out. */
  readonly checks: ReadonlyMap<number, ValueCheck>;
  /** By the index of their field, of the columns that are checked. */
  readonly #nulls: ReadonlyMap<number, NullSpellings>;
  readonly #isQuotedEmptyNull: boolean;

  constructor(options: RowCheckOptions) {
    this.#isQuotedEmptyNull = options.quotedEmpty === 'null';
    const spellings = new Map<number, NullSpellings>();
    const checks = new Map<number, ValueCheck>();
    const normalizes = normalizers(options.normalize);
    for (const { index, column } of matchHeader(options.header.columns, options.columns, options.additionalColumns)) {
      const check = new ValueCheck(column, normalizes.get(column.name));
      const nulls = nullSpellings(options, column.name, check.isString);
      if (check.acceptsAnyText && (column.nullable || nulls === null)) continue;
      checks.set(index, check);
      if (nulls !== null) spellings.set(index, nulls);
    }
    this.checks = checks;
    this.#nulls = spellings;
  }

  /** The row's errors in the file's order of columns, the first 100 at least; null if there is none. */
  errorsOf(row: RowFields): FieldError[] | null {
    let errors: FieldError[] | null = null;
    for (const [index, check] of this.checks) {
      const found = this.errorsOfField(check, row, index);
      if (found === null) continue;
      errors = errors === null ? found : errors.concat(found);
      // One more than is kept says that there are more.
      if (errors.length > MAX_ERRORS) break;
    }
    return errors;
  }

  /** The errors of one field; null if there is none. */
  errorsOfField(check: ValueCheck, row: RowFields, index: number): FieldError[] | null {
    const text = row.text(index);
    const value = check.normalize === null ? text : check.normalize(text);
    const isNull =
      value === ''
        ? this.#isNullWhenEmpty(check, row, index)
        : isSpelledNull(this.#nulls.get(index) ?? null, value, row, index);
    if (isNull) return check.nullable ? null : [check.nullError(text)];
    if (check.constraints.length === 0 && check.test(text) === null) return null;
    const errors = check.errorsOf(text);
    return errors.length === 0 ? null : errors;
  }

  /** A required String takes an empty field as a value; a quoted one is a value everywhere, unless it was said to be null. */
  #isNullWhenEmpty(check: ValueCheck, row: RowFields, index: number): boolean {
    return (!check.isString || check.nullable) && (this.#isQuotedEmptyNull || !row.isQuoted(index));
  }
}
