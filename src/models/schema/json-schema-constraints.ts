import { RE2JS, RE2JSException } from 're2js';
import type { Constraints } from './column.js';
import { invalidSchema, pointerTo, show } from './invalid-schema.js';

/** The types of values that have no parts. */
export type ScalarType = 'string' | 'integer' | 'number' | 'boolean';

type Property = Readonly<Record<string, unknown>>;

const MAX_ENUM_VALUES = 10_000;
/** Limit of a pattern's length in UTF-16 code units: matching time grows with it. */
const MAX_PATTERN_LENGTH = 1000;

/** The members of an enum as texts. `hasNull`: null is one of them. */
export function compileEnum(
  values: unknown,
  type: ScalarType,
  takesNull: boolean,
  pointer: string,
): { constraint: { enum: string[] }; hasNull: boolean } | undefined {
  if (values === undefined) return undefined;
  if (!Array.isArray(values) || values.length === 0) throw invalidSchema(pointer, 'expected an array of values');
  if (values.length > MAX_ENUM_VALUES) throw invalidSchema(pointer, `more than ${MAX_ENUM_VALUES} values`);
  const texts: string[] = [];
  for (const [index, value] of (values as unknown[]).entries()) {
    if (value === null && takesNull) continue;
    if (!isOfType(value, type)) {
      throw invalidSchema(pointerTo(pointer, index), `${show(value)} is not a value of type ${show(type)}`);
    }
    texts.push(typeof value === 'number' && type === 'integer' ? BigInt(value).toString() : String(value));
  }
  if (texts.length === 0) throw invalidSchema(pointer, 'it allows nothing but null');
  return { constraint: { enum: texts }, hasNull: texts.length < values.length };
}

function isOfType(value: unknown, type: ScalarType): boolean {
  // A larger integer is not the one that was written: JSON numbers are doubles here.
  return type === 'integer' ? Number.isSafeInteger(value) : typeof value === type;
}

/** minimum, maximum and their exclusive forms. */
export function numericConstraints(property: Property, pointer: string): Constraints {
  const constraints: Constraints = {};
  for (const keyword of ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const) {
    const value = property[keyword];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw invalidSchema(pointerTo(pointer, keyword), `expected a number, not ${show(value)}`);
    }
    constraints[keyword] = value;
  }
  const lowest = Math.max(constraints.minimum ?? -Infinity, constraints.exclusiveMinimum ?? -Infinity);
  const highest = Math.min(constraints.maximum ?? Infinity, constraints.exclusiveMaximum ?? Infinity);
  if (lowest > highest) throw invalidSchema(pointer, `no value is both above ${lowest} and below ${highest}`);
  return constraints;
}

/** minItems and maxItems. */
export function arrayConstraints(property: Property, pointer: string): Constraints {
  return countConstraints(property, 'minItems', 'maxItems', pointer);
}

function countConstraints(
  property: Property,
  least: 'minLength' | 'minItems',
  most: 'maxLength' | 'maxItems',
  pointer: string,
): Constraints {
  const constraints: Constraints = {};
  for (const keyword of [least, most]) {
    const value = property[keyword];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw invalidSchema(pointerTo(pointer, keyword), `expected a whole number from 0, not ${show(value)}`);
    }
    constraints[keyword] = value;
  }
  const { [least]: from = 0, [most]: to = Infinity } = constraints;
  if (from > to) throw invalidSchema(pointer, `${least} ${from} is more than ${most} ${to}`);
  return constraints;
}

/** minLength, maxLength, pattern and the formats that are not types. */
export function textConstraints(property: Property, pointer: string): Constraints {
  const constraints = countConstraints(property, 'minLength', 'maxLength', pointer);
  const { pattern } = property;
  if (pattern !== undefined) constraints.pattern = checkedPattern(pattern, pointerTo(pointer, 'pattern'));
  if (property['format'] === 'email') constraints.format = 'email';
  return constraints;
}

function checkedPattern(pattern: unknown, pointer: string): string {
  if (typeof pattern !== 'string') throw invalidSchema(pointer, `expected a pattern, not ${show(pattern)}`);
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw invalidSchema(pointer, `a pattern is at most ${MAX_PATTERN_LENGTH} characters`);
  }
  try {
    RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw invalidSchema(pointer, `not a pattern that RE2 takes: ${error.message}`, error);
  }
  return pattern;
}
