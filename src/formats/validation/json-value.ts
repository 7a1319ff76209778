import type { ColumnType } from '../../models/schema/index.js';
import { canonicalInteger } from './integer.js';

/** Writes the text of a valid value as JSON: nothing is computed anew, what is exact in the file stays exact. */
export type JsonWriter = (text: string) => string;

/** The JSON of a type's values; of text also that of a column that no model knows. */
export function jsonWriter(type: ColumnType): JsonWriter {
  switch (type.kind) {
    case 'bool':
      return (text) => (text.length === 4 || text === '1' ? 'true' : 'false');
    case 'int':
      return canonicalInteger;
    case 'float':
    case 'decimal':
      return numberLiteral;
    case 'datetime':
      // Epoch seconds are a number.
      return (text) => (/^[+-]?\d+$/.test(text) ? canonicalInteger(text) : JSON.stringify(text));
    case 'string':
    case 'date':
    case 'datetime64':
    case 'uuid':
      return JSON.stringify;
  }
}

/** The digits as they stand: no plus, no leading zeros, at least one digit on each side of the point. */
function numberLiteral(text: string): string {
  const [, sign = '', whole = '', rest = ''] = /^(-?)\+?0*(\d*)(.*)$/.exec(text) ?? [];
  return `${sign}${whole === '' ? '0' : whole}${rest.replace(/^\.(?!\d)/, '.0')}`;
}
