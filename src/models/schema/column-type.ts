/** A column's type taken apart; `Column.type` is its canonical spelling. */
export type ColumnType =
  | { kind: 'string' | 'bool' | 'date' | 'datetime' | 'uuid' }
  | { kind: 'int'; bits: 8 | 16 | 32 | 64; signed: boolean }
  | { kind: 'float'; bits: 32 | 64 }
  /** At most `precision` digits, `scale` of them after the point. */
  | { kind: 'decimal'; precision: number; scale: number }
  /** At most `digits` digits of a second's fraction. */
  | { kind: 'datetime64'; digits: number };

/** The names of each kind's types, null for those that have parameters. */
const TYPES: Readonly<Record<ColumnType['kind'], ReadonlyArray<readonly [name: string, type: ColumnType | null]>>> = {
  string: [['String', { kind: 'string' }]],
  bool: [['Bool', { kind: 'bool' }]],
  int: [
    ['Int8', { kind: 'int', bits: 8, signed: true }],
    ['Int16', { kind: 'int', bits: 16, signed: true }],
    ['Int32', { kind: 'int', bits: 32, signed: true }],
    ['Int64', { kind: 'int', bits: 64, signed: true }],
    ['UInt8', { kind: 'int', bits: 8, signed: false }],
    ['UInt16', { kind: 'int', bits: 16, signed: false }],
    ['UInt32', { kind: 'int', bits: 32, signed: false }],
    ['UInt64', { kind: 'int', bits: 64, signed: false }],
  ],
  float: [
    ['Float32', { kind: 'float', bits: 32 }],
    ['Float64', { kind: 'float', bits: 64 }],
  ],
  decimal: [['Decimal(P,S)', null]],
  date: [['Date', { kind: 'date' }]],
  datetime: [['DateTime', { kind: 'datetime' }]],
  datetime64: [['DateTime64(n)', null]],
  uuid: [['UUID', { kind: 'uuid' }]],
};

const NAMED = Object.values(TYPES).flat();
const PLAIN: ReadonlyMap<string, ColumnType> = new Map(
  NAMED.flatMap(([name, type]) => (type === null ? [] : [[name, type]])),
);

/** The types as a message lists them. */
export const TYPE_NAMES = [...NAMED.map(([name]) => name), 'Nullable(…)'].join(', ');

const MAX_PRECISION = 76;
const MAX_SECOND_DIGITS = 9;

/**
 * Reads a type without Nullable, canonical or with spaces inside its parentheses.
 * Returns what is wrong with it, in words, if it is not a type.
 */
export function parseColumnType(text: string): ColumnType | string {
  const plain = PLAIN.get(text);
  if (plain !== undefined) return plain;
  const decimal = /^Decimal\( *(\d{1,4}) *, *(\d{1,4}) *\)$/.exec(text);
  if (decimal !== null) {
    const precision = Number(decimal[1]);
    const scale = Number(decimal[2]);
    if (precision < 1 || precision > MAX_PRECISION) return `the precision of a Decimal is 1 to ${MAX_PRECISION}`;
    if (scale > precision) return 'the scale of a Decimal is at most its precision';
    return { kind: 'decimal', precision, scale };
  }
  const datetime64 = /^DateTime64\( *(\d{1,4}) *\)$/.exec(text);
  if (datetime64 !== null) {
    const digits = Number(datetime64[1]);
    if (digits > MAX_SECOND_DIGITS) return `DateTime64 takes 0 to ${MAX_SECOND_DIGITS} digits`;
    return { kind: 'datetime64', digits };
  }
  const meant = [...PLAIN.keys()].find((name) => name.toLowerCase() === text.toLowerCase());
  return meant === undefined ? `this is not a type; the types are ${TYPE_NAMES}` : `did you mean ${meant}?`;
}

/** The canonical spelling, as `Column.type` has it. */
export function spellColumnType(type: ColumnType): string {
  switch (type.kind) {
    case 'string':
      return 'String';
    case 'bool':
      return 'Bool';
    case 'date':
      return 'Date';
    case 'datetime':
      return 'DateTime';
    case 'uuid':
      return 'UUID';
    case 'int':
      return `${type.signed ? '' : 'U'}Int${type.bits}`;
    case 'float':
      return `Float${type.bits}`;
    case 'decimal':
      return `Decimal(${type.precision},${type.scale})`;
    case 'datetime64':
      return `DateTime64(${type.digits})`;
  }
}
