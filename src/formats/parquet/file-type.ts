import type { ArrowField } from './arrow-data.js';
import type { Leaf, LeafKind } from './file-metadata.js';

/** The type of a column of the file, or of what is inside one. */
export type FileType =
  | { kind: 'null' | 'bool' | 'string' | 'binary' | 'uuid' | 'date' }
  | { kind: 'int96' }
  | { kind: 'int'; bits: 8 | 16 | 32 | 64; signed: boolean }
  | { kind: 'float'; bits: 16 | 32 | 64 }
  /** In two's complement of `bits`. */
  | { kind: 'decimal'; precision: number; scale: number; bits: number }
  | { kind: 'fixed'; bytes: number }
  /** `digits` of a second's fraction. */
  | { kind: 'time'; digits: number }
  | { kind: 'timestamp'; digits: number; utc: boolean }
  | { kind: 'list'; element: FileType; itemsMayBeNull: boolean }
  | { kind: 'map'; key: FileType; value: FileType }
  | { kind: 'struct'; fields: FileField[] }
  | { kind: 'unsupported'; name: string };

export interface FileField {
  name: string;
  type: FileType;
  /** It is OPTIONAL, and the file's statistics do not say that it is always there. */
  mayBeNull: boolean;
}

type NestedKind = 'list' | 'map' | 'struct';
/** Values with parts, and those without. */
export type NestedType = Extract<FileType, { kind: NestedKind }>;
export type ScalarType = Exclude<FileType, { kind: NestedKind }>;

export function isNested(type: FileType): type is NestedType {
  return type.kind === 'list' || type.kind === 'map' || type.kind === 'struct';
}

type Leaves = Iterator<Leaf, unknown, unknown>;

/** `isFull`: some leaf of it is, and so is the whole. */
interface Typed {
  type: FileType;
  isFull: boolean;
}

const INTEGERS: Readonly<Record<string, FileType>> = {
  c: { kind: 'int', bits: 8, signed: true },
  C: { kind: 'int', bits: 8, signed: false },
  s: { kind: 'int', bits: 16, signed: true },
  S: { kind: 'int', bits: 16, signed: false },
  i: { kind: 'int', bits: 32, signed: true },
  I: { kind: 'int', bits: 32, signed: false },
  l: { kind: 'int', bits: 64, signed: true },
  L: { kind: 'int', bits: 64, signed: false },
};

const SIMPLE: Readonly<Record<string, FileType>> = {
  ...INTEGERS,
  n: { kind: 'null' },
  b: { kind: 'bool' },
  e: { kind: 'float', bits: 16 },
  f: { kind: 'float', bits: 32 },
  g: { kind: 'float', bits: 64 },
  z: { kind: 'binary' },
  tdD: { kind: 'date' },
  ttm: { kind: 'time', digits: 3 },
  ttu: { kind: 'time', digits: 6 },
  ttn: { kind: 'time', digits: 9 },
};

const FRACTION_DIGITS: Readonly<Record<string, number>> = { s: 0, m: 3, u: 6, n: 9 };

/** The columns of the file: Arrow's fields, and what Parquet knows beyond of their leaves, in the same order. */
export function fileFields(fields: readonly ArrowField[], leaves: readonly Leaf[]): FileField[] {
  const left = leaves.values();
  return fields.map((field) => fileField(field, typed(field, left)));
}

function fileField({ name, nullable }: ArrowField, { type, isFull }: Typed): FileField {
  return { name, type, mayBeNull: nullable && !isFull };
}

function typed(field: ArrowField, leaves: Leaves): Typed {
  const { format, children } = field;
  const [first, ...more] = children;
  if (format === '+s') {
    const inside = children.map((child) => typed(child, leaves));
    const fields = inside.map((each, index) => fileField(children[index] as ArrowField, each));
    return { type: { kind: 'struct', fields }, isFull: inside.some(({ isFull }) => isFull) };
  }
  if (format === '+l' && first !== undefined && more.length === 0) {
    const { type, isFull } = typed(first, leaves);
    return { type: { kind: 'list', element: type, itemsMayBeNull: first.nullable && !isFull }, isFull };
  }
  if (format === '+m' && first !== undefined) {
    const [key, value] = first.children.map((child) => typed(child, leaves));
    if (key !== undefined && value !== undefined) {
      return { type: { kind: 'map', key: key.type, value: value.type }, isFull: key.isFull || value.isFull };
    }
  }
  const leaf = leaves.next();
  if (leaf.done === true) return { type: leafType(format, 'other'), isFull: false };
  return { type: leafType(format, leaf.value.kind), isFull: leaf.value.isFull };
}

/** Formats: https://arrow.apache.org/docs/format/CDataInterface.html#data-type-description-format-strings */
function leafType(format: string, leaf: LeafKind): FileType {
  if (format === 'z' && leaf === 'string') return { kind: 'string' };
  const simple = SIMPLE[format];
  if (simple !== undefined) return simple;
  const fixed = /^w:(\d+)$/.exec(format);
  if (fixed !== null) {
    const bytes = Number(fixed[1]);
    if (leaf === 'int96' && bytes === 12) return { kind: 'int96' };
    return leaf === 'uuid' && bytes === 16 ? { kind: 'uuid' } : { kind: 'fixed', bytes };
  }
  const decimal = /^d:(\d+),(-?\d+)(?:,(\d+))?$/.exec(format);
  if (decimal !== null) {
    const [, precision, scale, bits] = decimal;
    return { kind: 'decimal', precision: Number(precision), scale: Number(scale), bits: Number(bits ?? 128) };
  }
  const timestamp = /^ts([smun]):(.*)$/.exec(format);
  const digits = FRACTION_DIGITS[timestamp?.[1] ?? ''];
  if (timestamp !== null && digits !== undefined) return { kind: 'timestamp', digits, utc: timestamp[2] !== '' };
  return { kind: 'unsupported', name: format.startsWith('ti') ? 'INTERVAL' : `Arrow's '${format}'` };
}

/** A type in Parquet's words, for messages. */
export function spellFileType(type: FileType): string {
  switch (type.kind) {
    case 'int':
      return `${type.signed ? '' : 'U'}INT${type.bits}`;
    case 'float':
      return type.bits === 16 ? 'FLOAT16' : type.bits === 32 ? 'FLOAT' : 'DOUBLE';
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
    case 'fixed':
      return `FIXED_LEN_BYTE_ARRAY(${type.bytes})`;
    case 'time':
    case 'timestamp':
      return `${type.kind.toUpperCase()}(${UNITS[type.digits]})`;
    case 'bool':
      return 'BOOLEAN';
    case 'unsupported':
      return type.name;
    default:
      return type.kind.toUpperCase();
  }
}

const UNITS: Readonly<Record<number, string>> = { 0: 'SECONDS', 3: 'MILLIS', 6: 'MICROS', 9: 'NANOS' };
