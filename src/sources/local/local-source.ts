import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises';
import { ServiceError } from '../../errors/index.js';
import type { OpenFile } from '../../storage/index.js';
import { MIN_LOCAL_AGE_MS, type SourceUri, type SourceVersion } from '../source.js';
import { sourceChanged } from '../source-changed.js';

/** How much of the beginning and of the end tells two files of one size and time apart. */
const SAMPLE_BYTES = 64 * 1024;

/**
 * The version of a local file that is there now: size, time of the last change in ns, and SHA-256 of its beginning and
 * end; not its inode, which a network mount that comes back has others of. Throws SOURCE_NOT_FOUND, SOURCE_FORBIDDEN,
 * SOURCE_CHANGED while it is being written, SOURCE_UNSUPPORTED if it is not a plain file.
 */
export async function statLocalFile(uri: SourceUri, now = Date.now): Promise<SourceVersion> {
  const handle = await openPlainFile(uri);
  try {
    const { size, mtimeNs } = await handle.stat({ bigint: true });
    // Asked after the file: a write while it is opened is none in the future, as one by another machine's clock is.
    const ageMs = now() - Number(mtimeNs / 1_000_000n);
    if (ageMs >= 0 && ageMs < MIN_LOCAL_AGE_MS) {
      throw new ServiceError('SOURCE_CHANGED', `${uri.href} was changed less than 2 s ago, so it may still be written`);
    }
    const sizeBytes = Number(size);
    return { version: `${size}-${mtimeNs}-${await sample(handle, sizeBytes)}`, sizeBytes };
  } finally {
    await handle.close();
  }
}

/** Opens that version. Reads throw SOURCE_CHANGED once the file is another one. */
export async function openLocalSource(uri: SourceUri, { version, sizeBytes }: SourceVersion): Promise<OpenFile> {
  const handle = await openPlainFile(uri);
  try {
    const first = await handle.stat({ bigint: true });
    if (`${first.size}-${first.mtimeNs}-${await sample(handle, sizeBytes)}` !== version) throw sourceChanged(uri.href);
    return {
      sizeBytes,
      async read(buffer, offset, length, position) {
        const { bytesRead } = await handle.read(buffer, offset, length, position);
        // What was read belongs to the version only if the file is still that.
        const { size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
        if (size !== first.size || mtimeNs !== first.mtimeNs || ctimeNs !== first.ctimeNs)
          throw sourceChanged(uri.href);
        return { bytesRead };
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** No symbolic link, device or pipe, on the whole path: what is allowed is what is read. */
async function openPlainFile(uri: SourceUri): Promise<FileHandle> {
  const { path, href } = uri;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    switch (error.code) {
      case 'ENOENT':
      case 'ENOTDIR':
      case 'ENAMETOOLONG':
        throw new ServiceError('SOURCE_NOT_FOUND', `There is no file ${href}`, { cause: error });
      case 'EACCES':
      case 'EPERM':
        throw new ServiceError('SOURCE_FORBIDDEN', `The service may not read ${href}`, { cause: error });
      case 'ELOOP':
        throw hasLink(href);
      case 'ENXIO':
        throw new ServiceError('SOURCE_UNSUPPORTED', `${href} is not a plain file`, { cause: error });
      default:
        throw error;
    }
  });
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) {
      throw new ServiceError(
        'SOURCE_UNSUPPORTED',
        `${href} is a folder: a job reads one file, a feed those of a folder`,
      );
    }
    if (!stats.isFile()) throw new ServiceError('SOURCE_UNSUPPORTED', `${href} is not a plain file`);
    await requireNoLink(handle, uri);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * A folder on the way may be a link to somewhere else, or may have been one while the file was opened: the path is compared, and
 * the file that is open with the one that the path leads to.
 */
async function requireNoLink(handle: FileHandle, { path, href }: SourceUri): Promise<void> {
  const now = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    throw new ServiceError('SOURCE_NOT_FOUND', `There is no file ${href} any more`, { cause: error });
  });
  if (now !== path) throw hasLink(href);
  if (await isAt(handle, path)) return;
  throw new ServiceError('SOURCE_CHANGED', `${href} was replaced while it was opened`);
}

/** Linux knows the path of what is open. Elsewhere a path that is replaced twice at the right moments may pass. */
async function isAt(handle: FileHandle, path: string): Promise<boolean> {
  const opened = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => null);
  if (opened !== null) return opened === path;
  const [is, was] = await Promise.all([lstat(path, { bigint: true }), handle.stat({ bigint: true })]);
  return is.ino === was.ino && is.dev === was.dev;
}

async function sample(handle: FileHandle, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(SAMPLE_BYTES);
  for (const from of new Set([0, Math.max(0, sizeBytes - SAMPLE_BYTES)])) {
    const { bytesRead } = await handle.read(buffer, 0, SAMPLE_BYTES, from);
    hash.update(buffer.subarray(0, bytesRead));
  }
  return hash.digest('hex').slice(0, 32);
}

function hasLink(href: string): ServiceError {
  return new ServiceError(
    'SOURCE_UNSUPPORTED',
    `${href} has a symbolic link on its path: name the file by its real one`,
  );
}
