import { link, lstat, mkdir, open, realpath, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServiceError } from '../../errors/index.js';
import type { SourceUri, SourceVersion } from '../source.js';
import { statLocalFile } from './local-source.js';

/** What `link` says where a file can have no second name: some network mounts, and files of others on Linux. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/**
 * Removes one version of a file, or moves it to `target` (an absolute path, whose folders are made) if that is not null. The
 * file is put aside first, as `.batch-done-<tag>` beside it, and compared there: nobody can replace it between the comparison and the
 * removal. One that a process which was killed has put aside is gone on with; one that cannot be moved gets its name back. Throws
 * SOURCE_CHANGED if it is another version, which is left as it was; SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_UNSUPPORTED; what the
 * system does.
 */
export async function disposeOfLocalFile(
  uri: SourceUri,
  { version }: SourceVersion,
  tag: string,
  target: string | null,
): Promise<void> {
  const folder = dirname(uri.path);
  const aside = join(folder, `.batch-done-${tag}`);
  try {
    if (target !== null) await makeFolder(dirname(target), folder, uri.href);
    await putAside(uri, version, aside);
    if (target === null) return await unlink(aside);
    try {
      await moveNew(aside, target, tag);
    } catch (error) {
      await putBack(aside, uri.path);
      throw error;
    }
  } catch (error) {
    throw refusal(error, uri.href) ?? error;
  }
}

async function putAside(uri: SourceUri, version: string, aside: string): Promise<void> {
  // One that was put aside before is not written over by one that has come since.
  if (!(await isThere(aside))) {
    // Putting a file aside disturbs whoever reads it, so another version is not touched.
    if ((await versionAt(uri, uri.path)) !== version) throw changed(uri);
    await rename(uri.path, aside);
  }
  let found: string;
  try {
    found = await versionAt(uri, aside);
  } catch (error) {
    await putBack(aside, uri.path);
    throw error;
  }
  if (found === version) return;
  // One that was put under the old name meanwhile is newer, and has replaced it.
  if (!(await putBack(aside, uri.path))) await unlink(aside);
  throw changed(uri);
}

async function versionAt(uri: SourceUri, path: string): Promise<string> {
  // Its age does not matter: it is compared.
  return (await statLocalFile({ ...uri, path }, () => Number.POSITIVE_INFINITY)).version;
}

/** Gives a file its name back. false: another one has it, and this one stays where it is. */
async function putBack(aside: string, path: string): Promise<boolean> {
  try {
    await link(aside, path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT') return true;
    if (!NO_LINKS.includes(code)) throw error;
    if (await isThere(path)) return false;
    await rename(aside, path);
    return true;
  }
  await unlink(aside);
  return true;
}

/** Never over another file: then the tag becomes a part of the name. */
async function moveNew(from: string, to: string, tag: string): Promise<void> {
  for (const path of [to, `${to}.${tag}`]) {
    try {
      return await moveTo(from, path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      // A process that was killed, or is doing the same, has given it this name.
      if (await isSame(from, path)) return await unlink(from);
      if (path !== to) throw error;
    }
  }
}

/** Throws EEXIST if there is a file of that name. */
async function moveTo(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    // The name is taken first, as a rename would write over any file.
    await (await open(to, 'wx')).close();
    await rename(from, to);
    return;
  }
  await unlink(from);
}

/** Makes the folder that a file is moved to. No symbolic link may lead there: what SOURCES allows is where it goes. */
async function makeFolder(folder: string, from: string, href: string): Promise<void> {
  let above = folder;
  while (!(await isThere(above))) above = dirname(above);
  if ((await realpath(above)) !== above) {
    throw new ServiceError('SOURCE_UNSUPPORTED', `${href} is not moved: a symbolic link is on the way to ${folder}`);
  }
  await mkdir(folder, { recursive: true });
  if ((await lstat(folder)).dev !== (await lstat(from)).dev) throw otherSystem(href);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function isSame(path: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(path, { bigint: true }), lstat(other, { bigint: true })]);
  return a.dev === b.dev && a.ino === b.ino;
}

function refusal(error: unknown, href: string): ServiceError | null {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new ServiceError('SOURCE_FORBIDDEN', `The service may not remove ${href} (${code})`, { cause: error });
  }
  return code === 'EXDEV' ? otherSystem(href, error) : null;
}

function otherSystem(href: string, cause?: unknown): ServiceError {
  return new ServiceError('SOURCE_UNSUPPORTED', `${href} cannot be moved to another file system`, { cause });
}

function changed({ href }: SourceUri): ServiceError {
  return new ServiceError('SOURCE_CHANGED', `${href} is not the version that was read`);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
