/**
 * One column of a model in the internal form that both schema spellings compile to. Plain JSON: it is stored with
 * the model version, sent to the runner, and shown by the API.
 */
export interface Column {
  name: string;
  /** The canonical spelling without Nullable: `Int32`, `Decimal(10,2)`, `DateTime64(3)`, … */
  type: string;
  nullable: boolean;
  constraints: Constraints;
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
}

export interface CompiledSchema {
  columns: Column[];
  /** false: a file column that the model does not know is a HEADER_MISMATCH. */
  additionalColumns: boolean;
}
