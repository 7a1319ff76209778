import type { ColumnType } from '../../models/schema/index.js';
import type { TypeErrorCode } from '../row-error-codes.js';
import { dateTime64Test, testDate, testDateTime } from './date-time.js';
import { decimalTest } from './decimal.js';
import { floatTest } from './float.js';
import { formattedTest } from './formatted-time.js';
import { integerTest } from './integer.js';
import type { ValueTest } from './value-test.js';

/** The grammar and range of a type. */
export function typeTest(type: ColumnType): ValueTest {
  switch (type.kind) {
    case 'string':
      return testString;
    case 'bool':
      return testBool;
    case 'int':
      return integerTest(type.bits, type.signed);
    case 'float':
      return floatTest(type.bits);
    case 'decimal':
      return decimalTest(type.precision, type.scale);
    case 'date':
      return testDate;
    case 'datetime':
      return testDateTime;
    case 'datetime64':
      return dateTime64Test(type.digits);
    case 'formatted':
      return formattedTest(type);
    case 'uuid':
      return testUuid;
  }
}

function testString(): null {
  return null;
}

function testBool(text: string): TypeErrorCode | null {
  if (text === 'true' || text === 'false' || text === '1' || text === '0') return null;
  // Not by toLowerCase: it maps other characters onto ASCII ones.
  return /^(?:true|false)$/i.test(text) ? null : 'NOT_A_BOOLEAN';
}

function testUuid(text: string): TypeErrorCode | null {
  return text.length === 36 && /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text)
    ? null
    : 'INVALID_UUID';
}
