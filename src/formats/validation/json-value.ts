import { COLUMN_KINDS, type ColumnType, type JsonForm } from '../../models/schema/index.js';
import { canonicalInteger } from './integer.js';

/** Writes the text of a valid value as JSON: nothing is computed anew, what is exact in the file stays exact. */
export type JsonWriter = (text: string) => string;

const WRITERS: Readonly<Record<JsonForm, JsonWriter>> = {
  boolean: (text) => (text.length === 4 || text === '1' ? 'true' : 'false'),
  integer: canonicalInteger,
  number: numberLiteral,
  decimal: numberLiteral,
  // Epoch seconds are a number.
  timestamp: (text) => (/^[+-]?\d+$/.test(text) ? canonicalInteger(text) : JSON.stringify(text)),
  string: JSON.stringify,
};

/** The JSON of a type's values; of text also that of a column that no model knows. */
export function jsonWriter({ kind }: ColumnType): JsonWriter {
  return WRITERS[COLUMN_KINDS[kind].json];
}

/** The digits as they stand: no plus, no leading zeros, at least one digit on each side of the point. */
function numberLiteral(text: string): string {
  const [, sign = '', whole = '', rest = ''] = /^(-?)\+?0*(\d*)(.*)$/.exec(text) ?? [];
  return `${sign}${whole === '' ? '0' : whole}${rest.replace(/^\.(?!\d)/, '.0')}`;
}
