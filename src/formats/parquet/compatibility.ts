import type { ColumnType } from '../../models/schema/index.js';
import type { ValueCheck } from '../validation/value-check.js';
import { UuidReader } from './columns/bytes.js';
import { DecimalReader } from './columns/decimals.js';
import { NullReader } from './columns/nested.js';
import { BooleanReader, FloatReader, HalfReader } from './columns/numbers.js';
import { DateReader, Int96Reader, TimestampReader } from './columns/temporal.js';
import { TypedTextReader } from './columns/typed-text.js';
import type { RowFlags, ValueReader } from './columns/value-reader.js';
import type { FileType, ScalarType } from './file-type.js';
import { leafReader, textReader } from './value-readers.js';

/** How values of the file become those of the model. */
export interface Conversion {
  reader: ValueReader;
  /** Whether a value that is not null is one of the model's; null: all are. */
  accepts: ((row: number) => boolean) | null;
}

/** Decimal digits of the largest integer, by its bits. */
const INTEGER_DIGITS = { 8: 3, 16: 5, 32: 10, 64: 20 } as const;
/** Number of bits of integers that are epoch seconds of the model's years, whatever their value. */
const SAFE_SECOND_BITS = 32;
/** Digits of a Decimal. */
const MAX_PRECISION = 76;
const TEXT: ColumnType = { kind: 'string' };

/**
 * The conversion of values that can be read; null if their type cannot be converted to the model's. What the model's
 * constraints say of a value comes on top.
 */
export function convert(type: ScalarType, check: ValueCheck, notes: RowFlags): Conversion | null {
  const conversion = convertType(type, check, notes);
  if (conversion === null || check.constraints.length === 0) return conversion;
  const { reader, accepts } = conversion;
  const holds = (row: number): boolean => check.constraintErrorsOf(reader.text(row)) === null;
  return { reader, accepts: accepts === null ? holds : (row) => accepts(row) && holds(row) };
}

/**
 * The types of a file, besides text and null, that a column of each kind is read from. `convertType` checks each value,
 * unless it knows that all of them fit.
 */
export const READ_FROM: Readonly<Record<ColumnType['kind'], ReadonlyArray<ScalarType['kind']>>> = {
  string: ['binary', 'time', 'fixed', 'uuid', 'date', 'timestamp', 'int96'],
  bool: ['bool'],
  int: ['int', 'float', 'decimal'],
  float: ['int', 'float', 'decimal'],
  decimal: ['int', 'decimal'],
  date: ['date'],
  datetime: ['int', 'timestamp', 'int96'],
  datetime64: ['timestamp', 'int96'],
  formatted: [],
  uuid: ['fixed', 'uuid'],
};

function convertType(type: ScalarType, check: ValueCheck, notes: RowFlags): Conversion | null {
  const { kind } = check.type;
  const always = (reader: ValueReader): Conversion => ({ reader, accepts: null });
  const checked = (reader: ValueReader): Conversion => ({
    reader,
    accepts: (row) => check.test(reader.text(row)) === null,
  });
  if (type.kind === 'null') return always(new NullReader());
  if (type.kind === 'string') {
    return kind === 'string' ? always(textReader(check.normalize, notes)) : checked(new TypedTextReader(check, notes));
  }
  if (!READ_FROM[kind].includes(type.kind)) return null;
  switch (type.kind) {
    case 'bool':
      if (kind === 'bool') return always(new BooleanReader());
      break;
    case 'int': {
      const reader = leafReader(type, notes);
      return fitsInteger(type, check.type) ? always(reader) : checked(reader);
    }
    case 'float':
      return convertFloat(type, check.type, notes, always, checked);
    case 'decimal': {
      if (kind === 'int' && type.scale > 0) return null;
      const reader = new DecimalReader(type.bits, type.scale);
      if (check.type.kind === 'float' && check.type.bits === 64) return always(reader);
      if (!fitsDecimal(type, check.type)) return checked(reader);
      // A file may hold more digits than it says.
      const holds = (row: number): boolean => reader.hasDigits(row, type.precision);
      return { reader, accepts: (row) => holds(row) || check.test(reader.text(row)) === null };
    }
    case 'fixed':
      if (kind === 'uuid') return type.bytes === 16 ? always(new UuidReader()) : null;
      break;
    case 'uuid':
      if (kind === 'uuid') return always(new UuidReader());
      break;
    case 'date':
      if (kind === 'date') {
        const reader = new DateReader();
        return { reader, accepts: (row) => reader.isInRange(row) };
      }
      break;
    case 'timestamp':
    case 'int96':
      return convertTimestamp(type, check.type, checked);
    case 'unsupported':
      return null;
    default:
  }
  const reader = leafReader(type, notes);
  return kind === 'string' ? always(reader) : checked(reader);
}

function convertTimestamp(
  type: Extract<FileType, { kind: 'timestamp' | 'int96' }>,
  to: ColumnType,
  checked: (reader: ValueReader) => Conversion,
): Conversion {
  const digits = type.kind === 'int96' ? 9 : type.digits;
  const shown = to.kind === 'datetime64' ? Math.min(digits, to.digits) : digits;
  const reader = type.kind === 'int96' ? new Int96Reader(shown) : new TimestampReader(digits, type.utc, shown);
  if (to.kind === 'string') return { reader, accepts: null };
  if (to.kind !== 'datetime' && to.kind !== 'datetime64') return checked(reader);
  return { reader, accepts: (row) => reader.isInRange(row) };
}

function convertFloat(
  type: Extract<FileType, { kind: 'float' }>,
  to: ColumnType,
  notes: RowFlags,
  always: (reader: ValueReader) => Conversion,
  checked: (reader: ValueReader) => Conversion,
): Conversion {
  if (to.kind === 'float') {
    const reader = leafReader(type, notes);
    // NaN and infinities are noted as they are written.
    return type.bits <= to.bits ? always(reader) : checked(reader);
  }
  return checked(type.bits === 16 ? new HalfReader(notes) : new FloatReader(type.bits, notes, true));
}

/** Every value of the file's type is one of the model's. */
function fitsInteger(from: Extract<FileType, { kind: 'int' }>, to: ColumnType): boolean {
  switch (to.kind) {
    case 'float':
      return true;
    case 'datetime':
      return from.bits <= SAFE_SECOND_BITS;
    case 'decimal':
      return INTEGER_DIGITS[from.bits] <= to.precision - to.scale;
    case 'int':
      if (from.signed === to.signed) return from.bits <= to.bits;
      return !from.signed && from.bits < to.bits;
    default:
      return false;
  }
}

function fitsDecimal({ precision, scale }: Extract<FileType, { kind: 'decimal' }>, to: ColumnType): boolean {
  if (to.kind !== 'decimal') return false;
  return scale >= 0 && scale <= to.scale && precision - scale <= to.precision - to.scale;
}

/**
 * The types that a model may have for a column of the file, the one that says most first; every value that has JSON at
 * all fits the last of them. None: arrays and objects.
 */
export function proposedTypes(type: FileType): ColumnType[] {
  switch (type.kind) {
    case 'list':
    case 'map':
    case 'struct':
    case 'unsupported':
      return [];
    case 'bool':
      return [{ kind: 'bool' }];
    case 'uuid':
      return [{ kind: 'uuid' }];
    case 'int':
      return [type];
    case 'float':
      return [{ kind: 'float', bits: type.bits === 64 ? 64 : 32 }];
    case 'decimal':
      return [decimalType(type)];
    // The file's years may be others than 1 to 9999.
    case 'date':
      return [{ kind: 'date' }, TEXT];
    case 'timestamp':
      return [type.digits === 0 ? { kind: 'datetime' } : { kind: 'datetime64', digits: type.digits }, TEXT];
    case 'int96':
      return [{ kind: 'datetime64', digits: 9 }, TEXT];
    case 'null':
    case 'string':
    case 'binary':
    case 'fixed':
    case 'time':
      return [TEXT];
  }
}

function decimalType({ precision, scale }: Extract<FileType, { kind: 'decimal' }>): ColumnType {
  const isModels = precision <= MAX_PRECISION && scale >= 0 && scale <= precision;
  return isModels ? { kind: 'decimal', precision, scale } : { kind: 'float', bits: 64 };
}
