import type { Column } from '../../models/schema/index.js';
import { type JsonWriter, jsonWriter } from '../validation/json-value.js';
import type { Normalizer } from '../validation/normalization.js';
import { ValueCheck } from '../validation/value-check.js';
import { jsonKindsOf } from './json-kinds.js';

/** Number of digits that fit an integer, whatever they are, by its bits. */
const SAFE_DIGITS = { 8: 2, 16: 4, 32: 9, 64: 18 } as const;
/** Maximum length of a number without an exponent that overflows no float. */
const SAFE_FLOAT_LENGTH = 38;

/** What a value without parts must satisfy, and which JSON values may spell it. */
export class ScalarCheck extends ValueCheck {
  readonly takesString: boolean;
  readonly takesNumber: boolean;
  readonly takesBoolean: boolean;
  /** Any string is fine, and stays as it is. */
  readonly takesTextAsIs: boolean;
  /** The compact JSON of a string. */
  readonly write: JsonWriter;
  readonly #isDecimal: boolean;
  readonly #isDateTime: boolean;
  /** A negative number may be one of them. */
  readonly isSigned: boolean;
  /** Maximum number of digits of an integer whose text needs no check. */
  readonly safeDigits: number;
  /** The same for numbers without an exponent, by their characters. */
  readonly safeLength: number;

  constructor(column: Column, normalize: Normalizer | null = null) {
    super(column, normalize);
    const { type, constraints } = this;
    const kinds = jsonKindsOf(type);
    this.takesBoolean = kinds.includes('boolean');
    this.takesNumber = kinds.includes('number');
    this.takesString = kinds.includes('string');
    this.takesTextAsIs = this.acceptsAnyText && normalize === null;
    this.isSigned = type.kind === 'int' && type.signed;
    this.#isDecimal = type.kind === 'decimal';
    this.#isDateTime = type.kind === 'datetime';
    const write = jsonWriter(type);
    this.write = normalize === null ? write : (text) => write(normalize(text));
    this.safeDigits = type.kind === 'int' && constraints.length === 0 ? SAFE_DIGITS[type.bits] : 0;
    this.safeLength = type.kind === 'float' && constraints.length === 0 ? SAFE_FLOAT_LENGTH : 0;
  }

  /** Whether compact JSON has something else for a number that is valid. */
  get rewritesNumbers(): boolean {
    return this.type.kind === 'formatted';
  }

  /**
   * Whether compact JSON has something else where this text is a string: decimals, epoch seconds, formatted times, what is
   * normalized.
   */
  rewrites(text: string): boolean {
    if (this.type.kind === 'formatted') return true;
    const value = this.normalize === null ? text : this.normalize(text);
    return value !== text || this.#isDecimal || (this.#isDateTime && value.charCodeAt(4) !== 0x2d);
  }
}
