import { RE2JS } from 're2js';
import { COLUMN_KINDS, type ColumnType, type Constraints } from '../../models/schema/index.js';
import type { RowErrorCode } from '../row-error-codes.js';
import { shorten } from '../text.js';
import { canonicalInteger } from './integer.js';

/** One thing that a value must satisfy beyond its type. */
export interface ConstraintCheck {
  code: RowErrorCode;
  /** The end of the sentence that begins with the value. */
  problem: string;
  holds(text: string): boolean;
}

/** Values that a message lists. */
const MAX_LISTED = 10;
/** Limit of a value or pattern in a message, in characters. */
const MAX_SHOWN = 100;

/** The checks in the order in which their errors are reported. */
export function compileConstraints(constraints: Constraints, type: ColumnType): ConstraintCheck[] {
  const { enum: values, minLength, maxLength, pattern, format } = constraints;
  const checks: ConstraintCheck[] = [];
  if (values !== undefined) checks.push(enumCheck(values, type));
  checks.push(...boundChecks(constraints));
  if (minLength !== undefined) {
    const holds = (text: string): boolean => hasAtLeast(text, minLength);
    checks.push({ code: 'TOO_SHORT', problem: `is shorter than ${minLength} characters`, holds });
  }
  if (maxLength !== undefined) {
    const holds = (text: string): boolean => !hasAtLeast(text, maxLength + 1);
    checks.push({ code: 'TOO_LONG', problem: `is longer than ${maxLength} characters`, holds });
  }
  if (pattern !== undefined) {
    const compiled = RE2JS.compile(pattern);
    const holds = (text: string): boolean => compiled.test(text);
    checks.push({
      code: 'PATTERN_MISMATCH',
      problem: `does not match the pattern ${shorten(pattern, MAX_SHOWN)}`,
      holds,
    });
  }
  if (format === 'email') checks.push({ code: 'NOT_AN_EMAIL', problem: 'is not an email address', holds: isEmail });
  return checks;
}

function enumCheck(values: readonly string[], type: ColumnType): ConstraintCheck {
  const allowed = new Set(values.map((value) => canonical(value, type)));
  const listed = values.slice(0, MAX_LISTED).map((value) => `'${shorten(value, MAX_SHOWN)}'`);
  if (values.length > MAX_LISTED) listed.push('…');
  return {
    code: 'NOT_IN_ENUM',
    problem: `is not one of ${listed.join(', ')}`,
    holds: (text) => allowed.has(canonical(text, type)),
  };
}

/** Two spellings of one number or truth value are the same member of an enum. */
function canonical(text: string, { kind }: ColumnType): string {
  switch (COLUMN_KINDS[kind].json) {
    case 'integer':
      return canonicalInteger(text);
    case 'number':
      // -0 and 0 are one number.
      return String(Number(text) + 0);
    case 'boolean':
      return /^(?:true|1)$/i.test(text) ? 'true' : 'false';
    case 'decimal':
    case 'timestamp':
    case 'formatted':
    case 'string':
      return text;
  }
}

function boundChecks(constraints: Constraints): ConstraintCheck[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = constraints;
  const checks: ConstraintCheck[] = [];
  const add = (problem: string, holds: (value: number | bigint) => boolean): void => {
    checks.push({ code: 'OUT_OF_RANGE', problem, holds: (text) => holds(exactNumber(text)) });
  };
  if (minimum !== undefined) add(`is less than ${minimum}`, (value) => value >= minimum);
  if (exclusiveMinimum !== undefined) {
    add(`is not greater than ${exclusiveMinimum}`, (value) => value > exclusiveMinimum);
  }
  if (maximum !== undefined) add(`is greater than ${maximum}`, (value) => value <= maximum);
  if (exclusiveMaximum !== undefined) add(`is not less than ${exclusiveMaximum}`, (value) => value < exclusiveMaximum);
  return checks;
}

/** Integers that a double cannot hold are compared as they are. */
function exactNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) || !/^[+-]?\d+$/.test(text) ? value : BigInt(canonicalInteger(text));
}

/** Counts code points, as JSON Schema does, no further than needed. */
function hasAtLeast(text: string, count: number): boolean {
  if (text.length < count) return false;
  let points = 0;
  for (const _ of text) {
    points += 1;
    if (points >= count) return true;
  }
  return count <= 0;
}

const EMAIL_LOCAL = /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/;
const EMAIL_LABEL = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;
const MAX_EMAIL_LENGTH = 254;

/** As HTML's input type=email sees it, within the lengths of RFC 5321. */
function isEmail(text: string): boolean {
  const at = text.indexOf('@');
  if (at < 0 || text.length > MAX_EMAIL_LENGTH || !EMAIL_LOCAL.test(text.slice(0, at))) return false;
  return text
    .slice(at + 1)
    .split('.')
    .every((label) => EMAIL_LABEL.test(label));
}
