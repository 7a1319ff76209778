import { ServiceError } from '../errors/index.js';
import { FileGoneError, type FileLocation, type OpenFile } from './file-store.js';
import { openFile } from './open-file.js';
import { RetriedFile, type RetriedFileOptions } from './retried-file.js';

export interface StoredFileOptions extends Pick<RetriedFileOptions, 'sizeBytes' | 'timeoutMs' | 'log'> {
  location: FileLocation;
  /** Opens it as `openStoredFile` does, which is what is left out. */
  open?(location: FileLocation): Promise<OpenFile>;
}

/** A job's uploaded file. It counts as damaged (FILE_CORRUPT) only if it is gone or has another size; else SPOOL_UNREADABLE. */
export class StoredFile extends RetriedFile {
  constructor({ location, open = openStoredFile, ...options }: StoredFileOptions) {
    const codes = { size: 'FILE_CORRUPT', unreadable: 'SPOOL_UNREADABLE' } as const;
    super({ ...options, what: 'the stored file', codes, open: () => open(location) });
  }
}

/** Throws FILE_CORRUPT if the file is gone, else as `openFile`. */
export async function openStoredFile(location: FileLocation): Promise<OpenFile> {
  return openFile(location).catch((error: unknown) => {
    if (!(error instanceof FileGoneError)) throw error;
    throw new ServiceError('FILE_CORRUPT', 'the stored file is gone', { cause: error });
  });
}
