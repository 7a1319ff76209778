import { link, mkdir, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServiceError } from '../../errors/index.js';
import type { SourceUri, SourceVersion } from '../source.js';
import { statLocalFile } from './local-source.js';

/**
 * Removes one version of a file, or moves it to `target` (an absolute path, whose folders are made) if that is not null. The
 * file is put aside first, as `.batch-done-<tag>` beside it, and compared there: nobody can replace it between the comparison and the
 * removal. One that a process which was killed has put aside is gone on with. Throws SOURCE_CHANGED if it is another version,
 * which is left as it was; SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_UNSUPPORTED; what the system does.
 */
export async function disposeOfLocalFile(
  uri: SourceUri,
  { version }: SourceVersion,
  tag: string,
  target: string | null,
): Promise<void> {
  const aside = join(dirname(uri.path), `.batch-done-${tag}`);
  try {
    await putAside(uri, version, aside);
    if (target === null) return await unlink(aside);
    await mkdir(dirname(target), { recursive: true });
    await moveNew(aside, target, tag);
  } catch (error) {
    throw refusal(error, uri.href) ?? error;
  }
}

async function putAside(uri: SourceUri, version: string, aside: string): Promise<void> {
  const asideUri = { ...uri, path: aside };
  try {
    await rename(uri.path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Gone, or put aside before.
  }
  // Its age does not matter: nobody writes to a file of this name.
  const found = await statLocalFile(asideUri, Number.POSITIVE_INFINITY);
  if (found.version === version) return;
  // One that was put under the old name meanwhile is newer, and stays.
  await link(aside, uri.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(aside);
  throw new ServiceError('SOURCE_CHANGED', `${uri.href} is not the version that was read`);
}

/** Never over another file: then the tag becomes a part of the name. */
async function moveNew(from: string, to: string, tag: string): Promise<void> {
  for (const path of [to, `${to}.${tag}`]) {
    try {
      await link(from, path);
      return await unlink(from);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || path !== to) throw error;
    }
  }
}

function refusal(error: unknown, href: string): ServiceError | null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new ServiceError('SOURCE_FORBIDDEN', `The service may not remove ${href} (${code})`, { cause: error });
  }
  if (code === 'EXDEV') {
    return new ServiceError('SOURCE_UNSUPPORTED', `${href} cannot be moved to another file system`, { cause: error });
  }
  return null;
}
