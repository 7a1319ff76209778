import type { JobSource, Sources } from '../sources/index.js';
import { type FileLocation, type OpenFile, openStoredFile } from '../storage/index.js';

/** Where a job's file lies, or is stored. */
export type JobFile = FileLocation | JobSource;

/** Throws as `Sources.open` and `openStoredFile`. */
export function openJobFile(sources: Pick<Sources, 'open'>, file: JobFile): Promise<OpenFile> {
  return 'uri' in file ? sources.open(file) : openStoredFile(file);
}
