import { type Column, type ColumnType, parseColumnType } from '../../models/schema/index.js';
import { MAX_MESSAGE_LENGTH, MAX_OBSERVED_LENGTH } from '../limits.js';
import type { RowErrorCode } from '../row-error-codes.js';
import type { FieldError } from '../row-reader.js';
import { prefix, shorten } from '../text.js';
import { type ConstraintCheck, compileConstraints } from './constraints.js';
import { finerUnit } from './date-time.js';
import type { Normalizer } from './normalization.js';
import { rangeOf } from './range.js';
import { typeTest } from './type-test.js';
import type { ValueTest } from './value-test.js';

/** Limit of an observed value inside a message, in characters. */
const MAX_QUOTED_LENGTH = 80;
/** Limit of a column's name inside a message, in characters. */
const MAX_NAME_LENGTH = 128;

/** Everything that a model says about one column's values. */
export class ValueCheck {
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly isString: boolean;
  /** By the type alone; the constraints come on top. */
  readonly test: ValueTest;
  readonly constraints: readonly ConstraintCheck[];
  /** What is checked is what this makes of a text; errors show the text itself. null: the same. */
  readonly normalize: Normalizer | null;
  readonly #column: Column;

  constructor(column: Column, normalize: Normalizer | null = null) {
    const type = parseColumnType(column.type);
    if (typeof type === 'string') throw new Error(`${column.type}: ${type}`);
    this.#column = column;
    this.type = type;
    this.nullable = column.nullable;
    this.isString = type.kind === 'string';
    this.normalize = normalize;
    const test = typeTest(type);
    const constraints = compileConstraints(column.constraints, type);
    this.test = normalize === null ? test : (text) => test(normalize(text));
    this.constraints =
      normalize === null
        ? constraints
        : constraints.map((each) => ({ ...each, holds: (text) => each.holds(normalize(text)) }));
  }

  /** What is not null is fine. */
  get acceptsAnyText(): boolean {
    return this.isString && this.constraints.length === 0;
  }

  /** The errors of a value that is not null. `name`: what they call the column, in each of these. */
  errorsOf(text: string, name = this.#column.name): FieldError[] {
    const code = this.test(text);
    if (code !== null) return [this.#error(code, text, this.#typeProblem(code, text), name)];
    return this.constraintErrorsOf(text, name) ?? [];
  }

  /** The constraint errors of a value that is neither null nor of another type; null if there is none. */
  constraintErrorsOf(text: string, name = this.#column.name): FieldError[] | null {
    if (this.constraints.every((constraint) => constraint.holds(text))) return null;
    return this.constraints
      .filter((constraint) => !constraint.holds(text))
      .map((constraint) => this.#error(constraint.code, text, constraint.problem, name));
  }

  /** The error of a null, which a required column does not take. */
  nullError(text: string, name = this.#column.name): FieldError {
    return nullError(name, this.#column.type, text);
  }

  /** The error of a value that is not even of the kind that the type's texts have, such as an object. */
  mismatchError(text: string, name = this.#column.name): FieldError {
    // No type but String takes an empty text.
    return this.#error(this.test('') ?? 'NOT_A_STRING', text, `is not ${article(this.#column.type)}`, name);
  }

  /** The errors of a text that is nothing like the type, and of one that is, but out of range, as far as there are. */
  typeErrorsOf(text: string): FieldError[] {
    const mismatch = this.test(text);
    const codes: (RowErrorCode | null)[] = rangeOf(this.type) === '' ? [mismatch] : [mismatch, 'OUT_OF_RANGE'];
    return codes.flatMap((code) =>
      code === null ? [] : [this.#error(code, text, this.#typeProblem(code, text), this.#column.name)],
    );
  }

  #typeProblem(code: RowErrorCode, text: string): string {
    const type = this.#column.type;
    if (code !== 'OUT_OF_RANGE') return `is not ${article(type)}`;
    const problem = `is out of range for ${type} (${rangeOf(this.type)})`;
    const unit = this.type.kind === 'datetime' ? finerUnit(this.normalize?.(text) ?? text) : null;
    return unit === null ? problem : `${problem}; it looks like ${unit}`;
  }

  #error(code: RowErrorCode, text: string, problem: string, name: string): FieldError {
    return fieldError(name, this.#column.type, code, text, problem);
  }
}

/** An error of one column's value; `problem` is the end of the sentence that begins with the value. */
export function fieldError(
  column: string,
  type: string | null,
  code: RowErrorCode,
  text: string,
  problem: string,
): FieldError {
  const message = `column '${shorten(column, MAX_NAME_LENGTH)}': '${shorten(text, MAX_QUOTED_LENGTH)}' ${problem}`;
  return {
    column,
    type,
    error: code,
    observed: prefix(text, MAX_OBSERVED_LENGTH),
    message: shorten(message, MAX_MESSAGE_LENGTH),
  };
}

export function nullError(column: string, type: string, text: string): FieldError {
  return fieldError(column, type, 'NULL_VALUE', text, `is null, but ${article(type)} is required`);
}

/** The error of a required column that a row does not have. */
export function missingError(column: string, type: string): FieldError {
  const message = `column '${shorten(column, MAX_NAME_LENGTH)}' is missing, but ${article(type)} is required`;
  return { column, type, error: 'NULL_VALUE', observed: null, message };
}

export function article(type: string): string {
  return `${/^(?:Int|Array|Object)/.test(type) ? 'an' : 'a'} ${type}`;
}
