import { posix } from 'node:path';
import { ServiceError } from '../errors/index.js';
import type { SourceUri } from './source.js';

/** A prefix of URIs, of SOURCES. */
export interface AllowedSource {
  readonly scheme: SourceUri['scheme'];
  readonly authority: string;
  /** Without a slash at its end; empty: everything. */
  readonly path: string;
}

const SHAPE = /^(s3|gs|az|https?):\/\/([^/?#]+)(\/[^?#]*)?$/;

/** Reads one entry of SOURCES: `file:/data/in`, `s3://bucket/prefix`, `https://host/path`. null: it is none. */
export function parseAllowedSource(text: string): AllowedSource | null {
  if (text.startsWith('file:/')) {
    const path = posix.normalize(text.slice('file:'.length).replace(/^\/+/, '/'));
    return { scheme: 'file', authority: '', path: path === '/' ? '' : path.replace(/\/$/, '') };
  }
  const [, scheme, authority = '', path = ''] = SHAPE.exec(text) ?? [];
  if (scheme === undefined) return null;
  if (authority.includes('@')) return null;
  // As the URIs have it that it is compared with.
  const url = isWeb(scheme) ? URL.parse(text) : { host: authority, pathname: path };
  if (!url?.host) return null;
  const { host, pathname } = url;
  return { scheme: scheme as AllowedSource['scheme'], authority: host, path: pathname.slice(1).replace(/\/$/, '') };
}

/** Whether the URI is under the prefix: the same file, or one in its folder. A path that climbs is under none. */
export function isUnder(uri: SourceUri, allowed: AllowedSource): boolean {
  const { scheme, authority, path } = uri;
  if (scheme !== allowed.scheme || authority !== allowed.authority || climbs(uri)) return false;
  return allowed.path === '' || path === allowed.path || path.startsWith(`${allowed.path}/`);
}

/**
 * The same by text alone, for a database: the `href` of a URI that is under the prefix is `exact`, or has one of `beginnings`.
 * `requireAllowed` judges more strictly.
 */
export function hrefsUnder({ scheme, authority, path }: AllowedSource): { exact: string; beginnings: string[] } {
  const whole =
    scheme === 'file'
      ? `file://${path.split('/').map(encodeURIComponent).join('/')}`
      : `${scheme}://${authority}${path === '' ? '' : '/'}${path}`;
  return { exact: whole, beginnings: [`${whole}/`, ...(isWeb(scheme) ? [`${whole}?`] : [])] };
}

/** Whether one of the prefixes has this `href` under it, as `hrefsUnder` says. */
export function isHrefUnder(href: string, allowed: readonly AllowedSource[]): boolean {
  return allowed.some((each) => {
    const { exact, beginnings } = hrefsUnder(each);
    return href === exact || beginnings.some((beginning) => href.startsWith(beginning));
  });
}

/** Throws SOURCE_NOT_ALLOWED if the URI is under none of the prefixes. */
export function requireAllowed(uri: SourceUri, allowed: readonly AllowedSource[]): AllowedSource {
  const found = allowed.find((each) => isUnder(uri, each));
  if (found !== undefined) return found;
  const why = climbs(uri) ? ': its path has a part that is . or ..' : '';
  throw new ServiceError('SOURCE_NOT_ALLOWED', `SOURCES does not allow ${uri.href} to be read${why}`);
}

/**
 * Whether the path has a part `.` or `..`, which a server may resolve: it would be judged by what it does not name. Stores of
 * objects may do so, too, although such a part belongs to a name there.
 */
function climbs({ scheme, path }: SourceUri): boolean {
  // A server may decode what a gateway before it has decoded already; some take what is behind a `;` for no part of a name.
  const plain = isWeb(scheme)
    ? path
        .replace(/%(?:25)*2e/gi, '.')
        .replace(/%(?:25)*(?:2f|5c)|\\/gi, '/')
        .replace(/(?:;|%(?:25)*3b)[^/]*/gi, '')
    : path;
  return plain.split('/').some((part) => part === '..' || part === '.');
}

function isWeb(scheme: string): boolean {
  return scheme === 'http' || scheme === 'https';
}
