export {
  ARRAY,
  type Column,
  type CompiledSchema,
  type Constraints,
  nestedColumns,
  OBJECT,
  type ValueSchema,
} from './column.js';
export { columnNameProblem, MAX_COLUMN_NAME_BYTES, MAX_COLUMNS } from './column-name.js';
export {
  COLUMN_KINDS,
  type ColumnType,
  type JsonForm,
  KIND_TRAITS,
  type PlainKind,
  parseColumnType,
  spellColumnType,
  type TimeFormat,
} from './column-type.js';
export { compileSchema } from './compile-schema.js';
export { MAX_LEVELS } from './json-schema-property.js';
export { inJsonSchema, type JsonSchemaSpelling } from './json-schema-types.js';
