import type { FileLocation, OpenFile } from './file-store.js';
import { openLocalFile } from './local/open-local-file.js';

/** Opens a stored file in any process of the service. Throws FileGoneError, or the store's error. */
export async function openFile(location: FileLocation): Promise<OpenFile> {
  return openLocalFile(location.path);
}
