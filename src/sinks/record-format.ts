import type { FileReading } from '../ingest/index.js';

/** What the values in a job's topic depend on. */
export interface RecordFormat extends Pick<FileReading, 'format' | 'columns' | 'additionalColumns' | 'dialect'> {
  options: Pick<
    FileReading['options'],
    'valueFormat' | 'nullValues' | 'quotedNulls' | 'quotedEmpty' | 'rename' | 'ignoreHeaderCase'
  >;
  /** The file's header; null if its rows name their own columns. */
  fileColumns: readonly string[] | null;
}
