import type { FileLocation, OpenFile } from './file-store.js';
import { openLocalFile } from './local/open-local-file.js';
import { openS3File } from './s3/open-s3-file.js';

/** Opens a stored file in any process of the service. Throws FileGoneError, or the store's error. */
export async function openFile(location: FileLocation): Promise<OpenFile> {
  switch (location.kind) {
    case 'local':
      return openLocalFile(location.path);
    case 's3':
      return openS3File(location);
  }
}
