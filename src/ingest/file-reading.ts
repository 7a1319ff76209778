import type { SourceEncoding } from '../decoding/index.js';
import type { Column } from '../models/schema/index.js';
import type { CsvDialect } from './csv-dialect.js';
import type { FileFormat } from './formats.js';
import type { ProcessingOptions } from './options/job-options.js';

/** What the reading of a file depends on. */
export interface FileReading {
  format: FileFormat;
  sizeBytes: number;
  sourceEncoding: SourceEncoding;
  columns: Column[];
  additionalColumns: boolean;
  /** null if the format has none. */
  dialect: CsvDialect | null;
  options: ProcessingOptions;
}
