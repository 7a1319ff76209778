import { COLUMN_KINDS, type ColumnType, type JsonForm } from '../../models/schema/index.js';
import { isoOf } from './formatted-time.js';
import { canonicalInteger } from './integer.js';

/** Writes the text of a valid value as JSON: what is exact in the file stays exact. */
export type JsonWriter = (text: string) => string;

const WRITERS: Readonly<Record<Exclude<JsonForm, 'formatted'>, JsonWriter>> = {
  boolean: (text) => (text.length === 4 || text === '1' ? 'true' : 'false'),
  integer: canonicalInteger,
  number: numberLiteral,
  decimal: numberLiteral,
  // Epoch seconds are a number.
  timestamp: (text) => (/^[+-]?\d+$/.test(text) ? canonicalInteger(text) : JSON.stringify(text)),
  string: JSON.stringify,
};

/** The JSON of a type's values; of text also that of a column that no model knows. */
export function jsonWriter(type: ColumnType): JsonWriter {
  if (type.kind === 'formatted') return (text) => JSON.stringify(isoOf(type, text));
  return WRITERS[COLUMN_KINDS[type.kind].json];
}

/** The digits as they stand: no plus, no leading zeros, at least one digit on each side of the point. */
function numberLiteral(text: string): string {
  const [, sign = '', whole = '', rest = ''] = /^(-?)\+?0*(\d*)(.*)$/.exec(text) ?? [];
  return `${sign}${whole === '' ? '0' : whole}${rest.replace(/^\.(?!\d)/, '.0')}`;
}
