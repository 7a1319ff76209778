import { ServiceError } from '../../errors/index.js';

/** Which files below a prefix a feed takes. */
export interface FilePattern {
  /** What their URIs begin with: what is listed. */
  readonly prefix: string;
  /** It ends in a slash: all that is below is taken. */
  readonly isTree: boolean;
  /**
   * Whether the file at a path (as `SourceUri.path`) is one. Never one that is being written or not meant to be read: `*.part`, `*.tmp`,
   * and what begins with a dot, folders below the prefix included.
   */
  takes(path: string): boolean;
  /** Whether the folder at a path, which ends in a slash and is below the prefix, may hold such files, itself or below. */
  enters(folder: string): boolean;
}

const MAX_STARS = 16;

/**
 * Reads the URI of a feed: one that ends in a slash stands for all files below it, `*` for any text within one part of a
 * path. `pathOf`: the decoded path of a URI that begins with the pattern's prefix. Throws INVALID_SOURCE.
 */
export function parseFilePattern(uri: string, pathOf: (prefix: string) => string): FilePattern {
  const pieces = uri.split('*');
  if (pieces.length === 1 && !uri.endsWith('/')) {
    throw invalid(
      'that of a feed must end in / (all files below it) or have * in it; a single file is a job (`POST /jobs`)',
    );
  }
  if (pieces.length - 1 > MAX_STARS || uri.includes('**')) throw invalid(`more than ${MAX_STARS} *, or two in a row`);
  const [prefix = '', ...others] = pieces;
  const isLocal = /^file:/i.test(uri);
  const parts = [pathOf(prefix), ...others.map((text) => (isLocal ? decoded(text) : text))].join('*').split('/');
  if (parts.some((part) => part === '.' || part === '..')) throw invalid('. and .. are not parts of a path');
  const isTree = parts.at(-1) === '';
  const wanted = isTree ? parts.slice(0, -1) : parts;
  const given = pathOf(prefix).split('/').length - 1;
  const isSeen = (names: readonly string[]): boolean => !names.slice(given).some(isIgnored);
  return {
    prefix,
    isTree,
    takes(path) {
      const names = path.split('/');
      if (isTree ? names.length <= wanted.length : names.length !== wanted.length) return false;
      return isSeen(names) && wanted.every((part, at) => matchesPart(names[at] ?? '', part));
    },
    enters(folder) {
      const names = folder.split('/').slice(0, -1);
      if (!isTree && names.length >= wanted.length) return false;
      return isSeen(names) && names.every((name, at) => at >= wanted.length || matchesPart(name, wanted[at] ?? ''));
    },
  };
}

/** Whether a name is of a file or folder that no feed takes. */
export function isIgnored(name: string): boolean {
  return name.startsWith('.') || /\.(?:part|tmp)$/i.test(name);
}

/** Goes back to the last star only: what the ones before it have taken can stay. */
function matchesPart(text: string, pattern: string): boolean {
  let [at, of, star, from] = [0, 0, -1, 0];
  while (at < text.length) {
    if (pattern[of] === '*') [star, from] = [of++, at];
    else if (of < pattern.length && pattern[of] === text[at]) [at, of] = [at + 1, of + 1];
    else if (star === -1) return false;
    else [at, of] = [++from, star + 1];
  }
  while (pattern[of] === '*') of++;
  return of === pattern.length;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('its percent-encoding is not UTF-8');
  }
}

function invalid(why: string): ServiceError {
  return new ServiceError('INVALID_SOURCE', `source: ${why}`);
}
