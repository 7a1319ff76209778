/** The kinds whose types have no parameters: each is one type. */
export type PlainKind = 'string' | 'bool' | 'date' | 'datetime' | 'uuid';

/** A column's type taken apart; `Column.type` is its canonical spelling. */
export type ColumnType =
  | { kind: PlainKind }
  | { kind: 'int'; bits: 8 | 16 | 32 | 64; signed: boolean }
  | { kind: 'float'; bits: 32 | 64 }
  /** At most `precision` digits, `scale` of them after the point. */
  | { kind: 'decimal'; precision: number; scale: number }
  /** At most `digits` digits of a second's fraction. */
  | { kind: 'datetime64'; digits: number }
  /** A Date or DateTime that is written in this format, and no other. */
  | { kind: 'formatted'; as: 'date' | 'datetime'; format: TimeFormat };

/** How a column's dates or times are written, if not by ISO 8601: units since 1970, or the eight digits of a day. */
export const TIME_FORMATS = ['epoch_s', 'epoch_ms', 'epoch_us', 'YYYYMMDD'] as const;
export type TimeFormat = (typeof TIME_FORMATS)[number];

/**
 * What JSON has for a value: `decimal` is a number or, to keep it exact, a string; `timestamp` is a string, or a number of
 * epoch seconds; `formatted` is a string, that of ISO 8601, whatever the file has.
 */
export type JsonForm = 'string' | 'boolean' | 'integer' | 'number' | 'decimal' | 'timestamp' | 'formatted';

/** What is known of the types of a kind without any code. */
interface KindTraits {
  /** The names of the types, with null for types that have parameters. */
  names: ReadonlyArray<readonly [name: string, type: ColumnType | null]>;
  json: JsonForm;
  /** The `format` that means the (only) type in JSON Schema; null: none does. */
  format: string | null;
  /** The type that inference names if a column's values are not of the kind; null: that goes without saying. */
  representative: string | null;
  /** What inference calls the values if a column has the type whenever all its values fit; null: more is asked of them. */
  inferredAs: string | null;
}

const plain = { format: null, representative: null, inferredAs: null };

/** Everything about a type that is data. The code of a type is found by the compiler or a test; see CONTRIBUTING.md. */
export const COLUMN_KINDS = {
  string: { ...plain, names: [['String', { kind: 'string' }]], json: 'string' },
  bool: { ...plain, names: [['Bool', { kind: 'bool' }]], json: 'boolean', representative: 'Bool' },
  int: {
    ...plain,
    names: [
      ['Int8', { kind: 'int', bits: 8, signed: true }],
      ['Int16', { kind: 'int', bits: 16, signed: true }],
      ['Int32', { kind: 'int', bits: 32, signed: true }],
      ['Int64', { kind: 'int', bits: 64, signed: true }],
      ['UInt8', { kind: 'int', bits: 8, signed: false }],
      ['UInt16', { kind: 'int', bits: 16, signed: false }],
      ['UInt32', { kind: 'int', bits: 32, signed: false }],
      ['UInt64', { kind: 'int', bits: 64, signed: false }],
    ],
    json: 'integer',
    representative: 'Int64',
  },
  float: {
    ...plain,
    names: [
      ['Float32', { kind: 'float', bits: 32 }],
      ['Float64', { kind: 'float', bits: 64 }],
    ],
    json: 'number',
    representative: 'Float64',
  },
  decimal: { ...plain, names: [['Decimal(P,S)', null]], json: 'decimal' },
  date: { ...plain, names: [['Date', { kind: 'date' }]], json: 'string', format: 'date', representative: 'Date' },
  datetime: {
    ...plain,
    names: [['DateTime', { kind: 'datetime' }]],
    json: 'timestamp',
    format: 'date-time',
    representative: 'DateTime',
  },
  datetime64: { ...plain, names: [['DateTime64(n)', null]], json: 'string' },
  formatted: {
    ...plain,
    names: [
      ["Date('format')", null],
      ["DateTime('format')", null],
    ],
    json: 'formatted',
  },
  uuid: {
    names: [['UUID', { kind: 'uuid' }]],
    json: 'string',
    format: 'uuid',
    representative: 'UUID',
    inferredAs: 'UUIDs',
  },
} as const satisfies Readonly<Record<ColumnType['kind'], KindTraits>>;

/** The same as a list, in the order in which messages name the types. */
export const KIND_TRAITS: readonly KindTraits[] = Object.values(COLUMN_KINDS);

const NAMED = KIND_TRAITS.flatMap(({ names }) => names);
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
  const formatted = /^(Date|DateTime)\( *'([^']*)' *\)$/.exec(text);
  if (formatted !== null) {
    const as = formatted[1] === 'Date' ? 'date' : 'datetime';
    const formats = as === 'date' ? TIME_FORMATS.filter((each) => !each.startsWith('epoch')) : TIME_FORMATS;
    const format = formats.find((each) => each === formatted[2]);
    if (format !== undefined) return { kind: 'formatted', as, format };
    return `the formats of a ${formatted[1]} are ${formats.map((each) => `'${each}'`).join(', ')}`;
  }
  const meant = [...PLAIN.keys()].find((name) => name.toLowerCase() === text.toLowerCase());
  return meant === undefined ? `this is not a type; the types are ${TYPE_NAMES}` : `did you mean ${meant}?`;
}

/** The canonical spelling, as `Column.type` has it. */
export function spellColumnType(type: ColumnType): string {
  switch (type.kind) {
    case 'int':
      return `${type.signed ? '' : 'U'}Int${type.bits}`;
    case 'float':
      return `Float${type.bits}`;
    case 'decimal':
      return `Decimal(${type.precision},${type.scale})`;
    case 'datetime64':
      return `DateTime64(${type.digits})`;
    case 'formatted':
      return `${type.as === 'date' ? 'Date' : 'DateTime'}('${type.format}')`;
    default:
      return plainName(type);
  }
}

function plainName({ kind }: { kind: PlainKind }): string {
  return COLUMN_KINDS[kind].names[0][0];
}
