import {
  areQuotesLax,
  type CsvDialect,
  type NullValues,
  nullValuesOf,
  ownEscape,
  quoteOf,
} from '../../../ingest/index.js';
import type { Column, ColumnType, PlainKind } from '../../../models/schema/index.js';
import type { BinaryColumn, BinaryLayout } from '../../binary-rows.js';
import { EPOCH_DIGITS, epochRange } from '../../validation/formatted-time.js';
import type { ValueCheck } from '../../validation/value-check.js';
import { keyOf } from '../json-row.js';
import * as columnFormat from './column-format.js';
import {
  ANY,
  BINARY_KIND,
  CONSTRAINED,
  DIGITS,
  FLAGS,
  FORMAT_DATE,
  FORMAT_MIDNIGHT,
  HIGHEST,
  KEY,
  KEY_LENGTH,
  LOWEST,
  NULL_SET,
  NULLABLE,
  QUOTED_NULLS,
  SCALE,
  TYPE,
} from './column-format.js';
import { COLUMN_COUNT, CONSTRAINED_COUNT, KEY_BYTES, NULL_COUNT, PREFIX_BYTES } from './control-slots.js';
import type { CsvKernel } from './csv-kernel.js';
import { COLUMN_BYTES, COLUMNS, KEYS, KEYS_BYTES, NULLS, NULLS_BYTES } from './memory-layout.js';

/** Maximum number of digits before the point that never overflow, by bits. */
const SAFE_FLOAT_DIGITS = { 32: 38, 64: 308 } as const;
const SAFE_INT_DIGITS = { 8: 2, 16: 4, 32: 9, 64: 18 } as const;
const SAFE_UINT64_DIGITS = 19;
/** Seconds of the years 0001 to 9999, before and after 1970. */
const SAFE_SECOND_DIGITS = 10;
const MAX_FRACTION_DIGITS = 9;

/** The columns of a file, by the index of their fields. */
interface FieldColumns {
  fieldCount: number;
  /** Those that the model knows. */
  columns: ReadonlyMap<number, Column>;
  /** Those that do not take any text. */
  checks: ReadonlyMap<number, ValueCheck>;
  /** Which spellings of null each has, as `writeNulls` tells. */
  nullSets: readonly number[];
  /** Whether these count in quotes in columns that are text, too. */
  countQuoted: boolean;
}

/** Tells the kernel how the fields of a row are checked. */
export function writeColumns(
  kernel: CsvKernel,
  { fieldCount, columns, checks, nullSets, countQuoted }: FieldColumns,
): void {
  let constrained = 0;
  for (let index = 0; index < fieldCount; index++) {
    const check = checks.get(index);
    const column = kernel.memory.subarray(COLUMNS + index * COLUMN_BYTES, COLUMNS + (index + 1) * COLUMN_BYTES);
    // Its key, if it has one, is there already.
    column.fill(0, TYPE, KEY);
    const nullSet = nullSets[index] as number;
    column.writeUInt16LE(nullSet, NULL_SET);
    if (check === undefined || (check.acceptsAnyText && nullSet === 0)) {
      column[TYPE] = ANY;
      // What the model does not know is like a Nullable(String).
      column[FLAGS] = ((columns.get(index)?.nullable ?? true) ? NULLABLE : 0) | (countQuoted ? QUOTED_NULLS : 0);
      continue;
    }
    writeType(column, check.type);
    const isConstrained = check.constraints.length > 0;
    if (isConstrained) constrained += 1;
    column[FLAGS] =
      (check.nullable ? NULLABLE : 0) |
      (isConstrained ? CONSTRAINED : 0) |
      (countQuoted || !check.isString ? QUOTED_NULLS : 0);
  }
  kernel.set(COLUMN_COUNT, fieldCount);
  kernel.set(CONSTRAINED_COUNT, constrained);
}

/** The kernel's number of each kind: the compiler asks for a constant of each name. */
const TYPE_NUMBERS: Readonly<Record<Uppercase<ColumnType['kind']>, number>> = columnFormat;

function writeType(column: Buffer, type: ColumnType): void {
  column[TYPE] = TYPE_NUMBERS[type.kind.toUpperCase() as Uppercase<typeof type.kind>];
  switch (type.kind) {
    case 'int': {
      const highest = (1n << BigInt(type.signed ? type.bits - 1 : type.bits)) - 1n;
      column.writeUInt16LE(type.bits === 64 && !type.signed ? SAFE_UINT64_DIGITS : SAFE_INT_DIGITS[type.bits], DIGITS);
      column.writeBigUInt64LE(highest, HIGHEST);
      column.writeBigUInt64LE(type.signed ? highest + 1n : 0n, LOWEST);
      break;
    }
    case 'float':
      column.writeUInt16LE(SAFE_FLOAT_DIGITS[type.bits], DIGITS);
      break;
    case 'decimal':
      column.writeUInt16LE(type.precision - type.scale, DIGITS);
      column[SCALE] = type.scale;
      break;
    case 'datetime':
      column.writeUInt16LE(MAX_FRACTION_DIGITS, DIGITS);
      break;
    case 'datetime64':
      column.writeUInt16LE(type.digits, DIGITS);
      break;
    case 'formatted':
      writeFormat(column, type);
      break;
    default:
      // A type with parameters needs a case.
      void (type satisfies { kind: PlainKind });
  }
}

function writeFormat(column: Buffer, { as, format }: Extract<ColumnType, { kind: 'formatted' }>): void {
  if (format === 'YYYYMMDD') {
    column[SCALE] = as === 'date' ? FORMAT_DATE : FORMAT_MIDNIGHT;
    return;
  }
  const digits = EPOCH_DIGITS[format];
  const [lowest, highest] = epochRange(format);
  column[SCALE] = digits;
  column.writeUInt16LE(SAFE_SECOND_DIGITS + digits, DIGITS);
  column.writeBigUInt64LE(highest, HIGHEST);
  column.writeBigUInt64LE(-lowest, LOWEST);
}

/**
 * Tells the kernel which texts stand for null. Returns for each column the place of its set (0: it has none); null if there
 * are too many of them.
 */
export function writeNulls(
  kernel: CsvKernel,
  columns: readonly string[],
  nullValues: NullValues,
  dialect: CsvDialect,
): number[] | null {
  const sets = new Map<string, Buffer[]>([['', []]]);
  const keys = columns.map((name) => {
    const spellings = spellingsInFile(nullValuesOf(nullValues, name), dialect);
    const key = spellings.length === 0 ? '' : JSON.stringify(spellings);
    if (!sets.has(key))
      sets.set(
        key,
        spellings.map((spelling) => Buffer.from(spelling)),
      );
    return key;
  });
  const spellings = [...sets.values()].flat();
  let set = NULLS;
  let text = NULLS + 8 * (sets.size + spellings.length);
  if (text + spellings.reduce((sum, { length }) => sum + length, 0) > NULLS + NULLS_BYTES) return null;
  const { memory } = kernel;
  const places = new Map<string, number>();
  for (const [key, members] of sets) {
    places.set(key, (set - NULLS) / 8);
    memory.writeUInt32LE(members.length, set);
    memory.writeUInt32LE(members.reduce((bits, { length }) => bits | (1 << Math.min(length, 31)), 0) >>> 0, set + 4);
    for (const member of members) {
      set += 8;
      memory.writeUInt32LE(member.length, set);
      memory.writeUInt32LE(text, set + 4);
      memory.set(member, text);
      text += member.length;
    }
    set += 8;
  }
  kernel.set(NULL_COUNT, spellings.length);
  return keys.map((key) => places.get(key) as number);
}

/**
 * Spellings as they stand in the file: a quote can only be there inside quotes, and doubled. Texts are compared without an
 * escape that is not the quote, and without lax quotes. Empty ones are told apart by their quotes, and half a character is in no row that is UTF-8.
 */
function spellingsInFile(values: readonly string[], dialect: CsvDialect): string[] {
  const quote = quoteOf(dialect);
  const isDoubled = ownEscape(dialect) === null && !areQuotesLax(dialect);
  return [...new Set(values)]
    .filter((value) => value !== '' && value.isWellFormed())
    .map((value) => (isDoubled && quote !== null ? value.replaceAll(quote, quote + quote) : value));
}

/** Tells the kernel the keys of a row that becomes a JSON object; false if they are longer than it has room for. */
export function writeKeys(kernel: CsvKernel, names: readonly string[]): boolean {
  const keys = names.map((name, index) => Buffer.from(keyOf(name, index)));
  if (keys.reduce((sum, { length }) => sum + length, 0) > KEYS_BYTES) return false;
  let text = KEYS;
  for (const [index, key] of keys.entries()) {
    kernel.memory.writeUInt32LE(text, COLUMNS + index * COLUMN_BYTES + KEY);
    kernel.memory.writeUInt32LE(key.length, COLUMNS + index * COLUMN_BYTES + KEY_LENGTH);
    kernel.memory.set(key, text);
    text += key.length;
  }
  kernel.set(KEY_BYTES, text - KEYS);
  return true;
}

const BINARY_KINDS: Readonly<Record<BinaryColumn['kind'], number>> = {
  text: columnFormat.BINARY_TEXT,
  int: columnFormat.BINARY_INT,
  float: columnFormat.BINARY_FLOAT,
  decimal: columnFormat.BINARY_DECIMAL,
  bool: columnFormat.BINARY_BOOL,
  date: columnFormat.BINARY_DATE,
  timestamp: columnFormat.BINARY_TIMESTAMP,
  uuid: columnFormat.BINARY_UUID,
};

/** Tells the kernel how rows are written in binary; false if it has no room for the prefix, or a column has no place. */
export function writeLayout(kernel: CsvKernel, names: readonly string[], { prefix, columns }: BinaryLayout): boolean {
  const layouts = names.map((name) => columns.get(name));
  if (prefix.length > KEYS_BYTES || layouts.includes(undefined)) return false;
  for (const [index, layout] of layouts.entries()) {
    const { kind, width, scale, nullable } = layout as BinaryColumn;
    const place = COLUMNS + index * COLUMN_BYTES + BINARY_KIND;
    kernel.memory.set([BINARY_KINDS[kind], width, scale, Number(nullable)], place);
  }
  kernel.memory.set(prefix, KEYS);
  kernel.set(PREFIX_BYTES, prefix.length);
  return true;
}
