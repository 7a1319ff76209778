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
  const host = /^https?$/.test(scheme) ? URL.parse(`${scheme}://${authority}/`)?.host : authority;
  if (!host || authority.includes('@')) return null;
  return { scheme: scheme as AllowedSource['scheme'], authority: host, path: path.slice(1).replace(/\/$/, '') };
}

/** Whether the URI is under the prefix: the same file, or one in its folder. */
export function isUnder({ scheme, authority, path }: SourceUri, allowed: AllowedSource): boolean {
  if (scheme !== allowed.scheme || authority !== allowed.authority) return false;
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
  const isWeb = scheme === 'http' || scheme === 'https';
  return { exact: whole, beginnings: [`${whole}/`, ...(isWeb ? [`${whole}?`] : [])] };
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
  // A path that climbs would be judged by what it does not name.
  const plain = uri.path.replace(/%2e/gi, '.').replace(/%2f|%5c|\\/gi, '/');
  const climbs = plain.split('/').some((part) => part === '..' || part === '.');
  const found = climbs && /^https?$/.test(uri.scheme) ? undefined : allowed.find((each) => isUnder(uri, each));
  if (found !== undefined) return found;
  throw new ServiceError('SOURCE_NOT_ALLOWED', `SOURCES does not allow ${uri.href} to be read`);
}
