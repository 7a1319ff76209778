export type * from './row-reader.js';
