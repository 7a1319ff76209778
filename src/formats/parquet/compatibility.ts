import type { ColumnType } from '../../models/schema/index.js';
import type { ValueCheck } from '../validation/value-check.js';
import { FixedReader, UuidReader } from './columns/bytes.js';
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

function convertType(type: ScalarType, check: ValueCheck, notes: RowFlags): Conversion | null {
  const { kind } = check.type;
  const always = (reader: ValueReader): Conversion => ({ reader, accepts: null });
  const checked = (reader: ValueReader): Conversion => ({
    reader,
    accepts: (row) => check.test(reader.text(row)) === null,
  });
  switch (type.kind) {
    case 'null':
      return always(new NullReader());
    case 'bool':
      return kind === 'bool' ? always(new BooleanReader()) : null;
    case 'int': {
      if (!takesInteger(check.type)) return null;
      const reader = leafReader(type, notes);
      return fitsInteger(type, check.type) ? always(reader) : checked(reader);
    }
    case 'float':
      return convertFloat(type, check.type, notes, always, checked);
    case 'decimal': {
      if (!takesDecimal(type, check.type)) return null;
      const reader = new DecimalReader(type.bits, type.scale);
      if (check.type.kind === 'float' && check.type.bits === 64) return always(reader);
      if (!fitsDecimal(type, check.type)) return checked(reader);
      // A file may hold more digits than it says.
      const holds = (row: number): boolean => reader.hasDigits(row, type.precision);
      return { reader, accepts: (row) => holds(row) || check.test(reader.text(row)) === null };
    }
    case 'string':
      return kind === 'string'
        ? always(textReader(check.normalize, notes))
        : checked(new TypedTextReader(check, notes));
    case 'binary':
    case 'time':
      return kind === 'string' ? always(leafReader(type, notes)) : null;
    case 'fixed':
      if (kind === 'uuid' && type.bytes === 16) return always(new UuidReader());
      return kind === 'string' ? always(new FixedReader(type.bytes)) : null;
    case 'uuid':
      return kind === 'uuid' || kind === 'string' ? always(new UuidReader()) : null;
    case 'date': {
      const reader = new DateReader();
      if (kind === 'string') return always(reader);
      return kind === 'date' ? { reader, accepts: (row) => reader.isInRange(row) } : null;
    }
    case 'timestamp':
    case 'int96':
      return convertTimestamp(type, check.type);
    default:
      return null;
  }
}

function convertTimestamp(type: Extract<FileType, { kind: 'timestamp' | 'int96' }>, to: ColumnType): Conversion | null {
  const digits = type.kind === 'int96' ? 9 : type.digits;
  const shown = to.kind === 'datetime64' ? Math.min(digits, to.digits) : digits;
  const reader = type.kind === 'int96' ? new Int96Reader(shown) : new TimestampReader(digits, type.utc, shown);
  if (to.kind === 'string') return { reader, accepts: null };
  if (to.kind !== 'datetime' && to.kind !== 'datetime64') return null;
  return { reader, accepts: (row) => reader.isInRange(row) };
}

function convertFloat(
  type: Extract<FileType, { kind: 'float' }>,
  to: ColumnType,
  notes: RowFlags,
  always: (reader: ValueReader) => Conversion,
  checked: (reader: ValueReader) => Conversion,
): Conversion | null {
  if (to.kind === 'float') {
    const reader = leafReader(type, notes);
    // NaN and infinities are noted as they are written.
    return type.bits <= to.bits ? always(reader) : checked(reader);
  }
  if (to.kind !== 'int') return null;
  return checked(type.bits === 16 ? new HalfReader(notes) : new FloatReader(type.bits, notes, true));
}

function takesInteger({ kind }: ColumnType): boolean {
  return kind === 'int' || kind === 'float' || kind === 'decimal' || kind === 'datetime';
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

function takesDecimal({ scale }: Extract<FileType, { kind: 'decimal' }>, { kind }: ColumnType): boolean {
  return kind === 'decimal' || kind === 'float' || (kind === 'int' && scale <= 0);
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
