/** The types of nested values, as `Column.type` has them. */
export const ARRAY = 'Array';
export const OBJECT = 'Object';

/**
 * One column of a model in the internal form that both schema spellings compile to. Plain JSON: it is stored with
 * the model version, sent to the runner, and shown by the API.
 */
export interface Column extends ValueSchema {
  name: string;
}

/** What a value must be: a column's, a member's of an object, an item's of an array. */
export interface ValueSchema {
  /** The canonical spelling without Nullable: `Int32`, `Decimal(10,2)`, `DateTime64(3)`, …, `Array`, `Object` */
  type: string;
  nullable: boolean;
  constraints: Constraints;
  /** Schema of an Array's items; absent: they may be anything. */
  items?: ValueSchema;
  /** The members that an Object declares. */
  properties?: Column[];
  /** false if an Object may have no other members. */
  additionalProperties?: boolean;
}

/** What a value must satisfy beyond its type; absent members do not apply. */
export interface Constraints {
  enum?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  /** In Unicode code points. */
  minLength?: number;
  maxLength?: number;
  /** RE2 syntax. */
  pattern?: string;
  format?: 'email';
  /** Limits of an Array's length. */
  minItems?: number;
  maxItems?: number;
}

export interface CompiledSchema {
  columns: Column[];
  /** false: a file column that the model does not know is a HEADER_MISMATCH, in JSON a rejected row. */
  additionalColumns: boolean;
}

/** The columns that only formats with nested values can fill. */
export function nestedColumns(columns: readonly Column[]): Column[] {
  return columns.filter(({ type }) => type === ARRAY || type === OBJECT);
}
