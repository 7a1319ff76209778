export {
  areQuotesLax,
  COMMON_DELIMITERS,
  type CsvDialect,
  checkDialect,
  ownEscape,
  type Quotes,
  quoteOf,
} from './csv-dialect.js';
export { FileHead, readHead, STORED_HEAD_BYTES } from './detect/format.js';
export { type InspectedHead, inspectHead } from './detect/inspect-head.js';
export type { FileReading } from './file-reading.js';
export { type FileFormat, FORMATS } from './formats.js';
export { inspectFile, knownDialect } from './inspect-file.js';
export { refuseInapplicable } from './options/applicable-options.js';
export { refuseUnusableNormalize } from './options/column-options.js';
export { type Expectation, unexpected } from './options/expectation.js';
export { invalidOption } from './options/invalid-option.js';
export {
  DEFAULT_DIALECT,
  DEFAULT_OPTIONS,
  DIALECT_OPTIONS,
  type HeaderNames,
  type ProcessingOptions,
  type QuotedEmpty,
  readOptions,
  type ShownDialect,
  type ShownOptions,
  shownDialect,
  shownOptions,
} from './options/job-options.js';
export { collectOptions, type JobRequest, parseJobRequest, parsePartialRequest } from './options/job-request.js';
export { MAX_JSON_BYTES } from './options/json-object.js';
export { NORMALIZE_OPERATIONS, type NormalizeOperation } from './options/normalize-operations.js';
export {
  areForAll,
  hasNullValues,
  MAX_NULL_VALUES,
  type NullValues,
  nullValuesOf,
  type QuotedNulls,
  refuseUnusableNullValues,
} from './options/null-values.js';
export { integerBetween, option, readOptionValues, trueOrFalse } from './options/option.js';
export { differingOptions, requestedOptions } from './options/requested-options.js';
export { type OnConflict, parseSinks, SINK_NAMES, type SinkName, type SinkWhen } from './options/sink-options.js';
export { parseSourceRequest } from './options/source-request.js';
export type { Position } from './position.js';
export { MAX_FIRST_ROWS, type RowWarning, type RowWarnings, type WarningCode } from './row-warnings.js';
