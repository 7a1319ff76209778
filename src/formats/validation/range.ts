import type { ColumnType } from '../../models/schema/index.js';
import { FIRST_SECOND, LAST_SECOND } from './date-time.js';
import { epochRange } from './formatted-time.js';

/** The range of a type in words; '' if no text is out of it. */
export function rangeOf(type: ColumnType): string {
  switch (type.kind) {
    case 'int': {
      const bits = BigInt(type.bits);
      return type.signed ? `${-(1n << (bits - 1n))} to ${(1n << (bits - 1n)) - 1n}` : `0 to ${(1n << bits) - 1n}`;
    }
    case 'float':
      return type.bits === 32 ? '±3.4028235e38' : '±1.7976931348623157e308';
    case 'decimal':
      return `${digits(type.precision - type.scale)} before the point, ${type.scale} after it`;
    case 'datetime':
      return `in epoch seconds ${FIRST_SECOND} to ${LAST_SECOND}`;
    case 'formatted': {
      if (type.format === 'YYYYMMDD') return '';
      const [lowest, highest] = epochRange(type.format);
      return `${lowest} to ${highest}`;
    }
    default:
      return '';
  }
}

function digits(count: number): string {
  return count === 1 ? '1 digit' : `${count} digits`;
}
