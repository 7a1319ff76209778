import { COLUMN_KINDS, type ColumnType, type JsonForm } from '../../models/schema/index.js';

/** The JSON values without parts, null aside. */
export type ScalarKind = 'string' | 'number' | 'boolean';

/** Which of them may spell a value. Exact digits may stand in quotes, epoch seconds without. */
const KINDS: Readonly<Record<JsonForm, readonly ScalarKind[]>> = {
  boolean: ['boolean'],
  integer: ['number'],
  number: ['number'],
  decimal: ['number', 'string'],
  timestamp: ['number', 'string'],
  formatted: ['number', 'string'],
  string: ['string'],
};

/** Which of them may spell a value of a type. */
export function jsonKindsOf({ kind }: ColumnType): readonly ScalarKind[] {
  return KINDS[COLUMN_KINDS[kind].json];
}
