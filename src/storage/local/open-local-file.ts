import { open } from 'node:fs/promises';
import { FileGoneError, type OpenFile } from '../file-store.js';

/** Throws FileGoneError, or the system's error. */
export async function openLocalFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new FileGoneError(`There is no file ${path}`, { cause: error });
  });
  try {
    const { size } = await handle.stat();
    return {
      sizeBytes: size,
      read: (buffer, offset, length, position) => handle.read(buffer, offset, length, position),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
