import type { BinaryColumn } from '../../formats/index.js';
import { ARRAY, type Column, OBJECT, parseColumnType } from '../../models/schema/index.js';

/** A type of ClickHouse, as far as columns of models become one, taken apart. */
export interface ClickHouseType {
  /** As RowBinary has its values. */
  layout: BinaryColumn;
  /** The digits of a Decimal; the sign of an Int: 1, of a UInt: 0. Otherwise 0. */
  detail: number;
}

/** `DateTime` has microseconds: nine digits would end in the year 2262. */
const DATETIME = "DateTime64(6, 'UTC')";

/** The type of a model's column, as ClickHouse spells it. */
export function typeOf({ type, nullable }: Pick<Column, 'type' | 'nullable'>): string {
  const bare = bareTypeOf(type);
  return nullable ? `Nullable(${bare})` : bare;
}

function bareTypeOf(text: string): string {
  // Nested values are kept as JSON.
  if (text === ARRAY || text === OBJECT) return 'String';
  const type = parseColumnType(text);
  if (typeof type === 'string') throw new Error(`${text}: ${type}`);
  switch (type.kind) {
    case 'string':
      return 'String';
    case 'bool':
      return 'Bool';
    case 'int':
      return `${type.signed ? '' : 'U'}Int${type.bits}`;
    case 'float':
      return `Float${type.bits}`;
    case 'decimal':
      return `Decimal(${type.precision}, ${type.scale})`;
    case 'date':
      return 'Date32';
    case 'datetime':
      return DATETIME;
    case 'datetime64':
      return `DateTime64(${type.digits}, 'UTC')`;
    case 'formatted':
      return type.as === 'date' ? 'Date32' : DATETIME;
    case 'uuid':
      return 'UUID';
  }
}

/** A column of a table; null: values of models are not written to this type. */
export function parseType(spelled: string): ClickHouseType | null {
  const { bare: text, nullable } = takeApart(spelled);
  const made = (kind: BinaryColumn['kind'], width = 0, scale = 0, detail = 0): ClickHouseType => ({
    layout: { kind, width, scale, nullable },
    detail,
  });
  const int = /^(U?)Int(8|16|32|64)$/.exec(text);
  if (int !== null) return made('int', Number(int[2]) / 8, 0, int[1] === '' ? 1 : 0);
  const decimal = /^Decimal\((\d+), ?(\d+)\)$/.exec(text);
  if (decimal !== null) {
    const precision = Number(decimal[1]);
    return made(
      'decimal',
      precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32,
      Number(decimal[2]),
      precision,
    );
  }
  const dateTime = /^DateTime64\((\d)(?:, ?'[^']*')?\)$/.exec(text);
  if (dateTime !== null) return made('timestamp', 8, Number(dateTime[1]));
  switch (text) {
    case 'String':
      return made('text');
    case 'Float32':
      return made('float', 4);
    case 'Float64':
      return made('float', 8);
    case 'Bool':
      return made('bool', 1);
    case 'Date32':
      return made('date', 4);
    case 'UUID':
      return made('uuid', 16);
    default:
      return null;
  }
}

/** LowCardinality makes no difference to a value. */
function takeApart(spelled: string): { bare: string; nullable: boolean; isDictionary: boolean } {
  const dictionary = /^LowCardinality\((.*)\)$/.exec(spelled)?.[1];
  const nullable = /^Nullable\((.*)\)$/.exec(dictionary ?? spelled)?.[1];
  return {
    bare: nullable ?? dictionary ?? spelled,
    nullable: nullable !== undefined,
    isDictionary: dictionary !== undefined,
  };
}

/** The same type with nulls. */
export function nullableOf(spelled: string): string {
  const { bare, nullable, isDictionary } = takeApart(spelled);
  if (nullable) return spelled;
  return isDictionary ? `LowCardinality(Nullable(${bare}))` : `Nullable(${bare})`;
}

/** Whether every value of one type is a value of the other, nulls aside. */
export function isWithin(narrow: ClickHouseType, wide: ClickHouseType): boolean {
  const [{ layout: one }, { layout: other }] = [narrow, wide];
  if (one.kind !== other.kind) return false;
  switch (one.kind) {
    case 'int': {
      const isSame = narrow.detail === wide.detail && one.width <= other.width;
      return isSame || (narrow.detail === 0 && wide.detail === 1 && one.width < other.width);
    }
    case 'decimal':
      return one.scale <= other.scale && narrow.detail - one.scale <= wide.detail - other.scale;
    case 'timestamp':
      // Nine digits leave fewer years.
      return one.scale <= other.scale && (other.scale < 9 || one.scale === 9);
    default:
      return one.width <= other.width;
  }
}
