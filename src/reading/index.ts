export { EndOfPrefix, FilePrefix } from './file-prefix.js';
export { openRowSource, type RowSource, type RowSourceLimits, readerName } from './row-source.js';
