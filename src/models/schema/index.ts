export type { Column, CompiledSchema, Constraints } from './column.js';
