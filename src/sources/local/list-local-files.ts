import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, opendir, realpath } from 'node:fs/promises';
import { ServiceError } from '../../errors/index.js';
import type { ListedFile, ListOptions, SourceUri } from '../source.js';
import { hrefOf } from '../source-uri.js';

/** Names of one folder that are in memory: a larger one is read again for the next of them. */
const NAMES_AT_ONCE = 50_000;
/** Files whose size and time are read side by side. */
const STATS_AT_ONCE = 16;

/**
 * The files whose paths begin with that of `prefix`, as `Source.list` says; those of folders below, too. Symbolic links,
 * devices and pipes are left out, names that are not UTF-8, and what may not be read. Memory: the names of NAMES_AT_ONCE entries for each level of folders.
 * Throws SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_UNSUPPORTED.
 */
export async function* listLocalFiles(
  prefix: SourceUri,
  { after, limit, signal, enters = () => true }: ListOptions,
  namesAtOnce = NAMES_AT_ONCE,
): AsyncGenerator<readonly ListedFile[]> {
  const folder = prefix.path.slice(0, prefix.path.lastIndexOf('/') + 1);
  await requireFolder(folder, prefix.href);
  let page: ListedFile[] = [];
  let names: string[] = [];
  for await (const path of walk(folder, { prefix: prefix.path, after, enters, signal, namesAtOnce })) {
    names.push(path);
    if (names.length < Math.min(limit, STATS_AT_ONCE)) continue;
    page.push(...(await look(prefix, names)));
    names = [];
    if (page.length < limit) continue;
    yield page.slice(0, limit);
    page = page.slice(limit);
  }
  page.push(...(await look(prefix, names)));
  for (let from = 0; from < page.length; from += limit) yield page.slice(from, from + limit);
}

async function look(prefix: SourceUri, paths: readonly string[]): Promise<ListedFile[]> {
  const files = await Promise.all(
    paths.map(async (path) => {
      const uri = hrefOf(prefix, path);
      const stats = uri === null ? null : await statOrGone(path);
      if (uri === null || stats?.isFile() !== true) return [];
      const { size, mtimeNs } = stats;
      const modifiedAt = new Date(Number(mtimeNs / 1_000_000n));
      return [{ uri, version: `${size}-${mtimeNs}`, sizeBytes: Number(size), modifiedAt }];
    }),
  );
  return files.flat();
}

/** null: it was removed or renamed since the folder was read, or nobody may ask for it. */
async function statOrGone(path: string): Promise<BigIntStats | null> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (isGone(error) || isOutOfReach(error)) return null;
    throw error;
  }
}

interface Walk {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly enters: (folder: string) => boolean;
  readonly signal: AbortSignal;
  readonly namesAtOnce: number;
}

/** Paths of files below a folder, in the order of their bytes. */
async function* walk(folder: string, options: Walk): AsyncGenerator<string> {
  let last: string | null = null;
  for (;;) {
    const entries = await nextEntries(folder, last, options);
    for (const name of entries) {
      const path = folder + name;
      if (name.endsWith('/')) yield* walk(path, options);
      else yield path;
    }
    if (entries.length < options.namesAtOnce) return;
    last = entries.at(-1) ?? null;
  }
}

/**
 * The names of the first entries of a folder behind `last` that may lead to a file of the listing, `namesAtOnce` at most, in order.
 * That of a folder ends in a slash, as it does in the paths below it.
 */
async function nextEntries(
  folder: string,
  last: string | null,
  { prefix, after, enters, signal, namesAtOnce }: Walk,
): Promise<string[]> {
  let found: string[] = [];
  try {
    for await (const entry of await opendir(folder, { bufferSize: 1_024 })) {
      signal.throwIfAborted();
      const name = nameOf(entry);
      if (name === null) continue;
      const path = folder + name;
      if (!path.startsWith(prefix) && !(name.endsWith('/') && prefix.startsWith(path))) continue;
      if (name.endsWith('/') && path.length > prefix.length && !enters(path)) continue;
      if (last !== null && compareBytes(name, last) <= 0) continue;
      // A folder that the last file is in has others behind it.
      if (after !== undefined && compareBytes(path, after) <= 0 && !isAbove(path, after)) continue;
      found.push(name);
      if (found.length >= 2 * namesAtOnce) found = first(found, namesAtOnce);
    }
  } catch (error) {
    // A folder below may be removed meanwhile; what one may not read holds nothing that could be taken.
    if (isGone(error) || isOutOfReach(error)) return [];
    throw error;
  }
  return first(found, namesAtOnce);
}

function first(names: string[], count: number): string[] {
  return names.sort(compareBytes).slice(0, count);
}

/** The order of their bytes in UTF-8, which is that of UTF-16 but for surrogates: these are behind all others. */
function compareBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at++) {
    const one = a.charCodeAt(at);
    const other = b.charCodeAt(at);
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10_000 : unit;
}

function isAbove(path: string, file: string | undefined): boolean {
  return path.endsWith('/') && file?.startsWith(path) === true;
}

/** null: no file or folder that a URI could name. */
function nameOf(entry: Dirent): string | null {
  if (entry.name.includes('\uFFFD')) return null;
  if (entry.isDirectory()) return `${entry.name}/`;
  return entry.isFile() ? entry.name : null;
}

async function requireFolder(folder: string, href: string): Promise<void> {
  try {
    const path = folder === '/' ? folder : folder.slice(0, -1);
    if ((await realpath(path)) !== path) {
      const detail = `${href} has a symbolic link on its path: name the folder by its real one`;
      throw new ServiceError('SOURCE_UNSUPPORTED', detail);
    }
    if (!(await lstat(path)).isDirectory()) throw new ServiceError('SOURCE_UNSUPPORTED', `${href} is not a folder`);
    await (await opendir(path)).close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isGone(error)) throw new ServiceError('SOURCE_NOT_FOUND', `There is no folder ${href}`, { cause: error });
    if (code === 'EACCES' || code === 'EPERM') {
      throw new ServiceError('SOURCE_FORBIDDEN', `The service may not read the folder ${href}`, { cause: error });
    }
    throw error;
  }
}

/** One may not read it, or its path is longer than any that a URI names. */
function isOutOfReach(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' || code === 'ENAMETOOLONG';
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
