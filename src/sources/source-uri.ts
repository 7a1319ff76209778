import { isAbsolute, posix } from 'node:path';
import { ServiceError } from '../errors/index.js';
import type { SourceScheme, SourceUri } from './source.js';

const MAX_URI = 2_048;
/** Query parameters that are credentials, as signed URLs have them. */
const SECRETS =
  /^(?:x-amz-(?:signature|security-token|credential)|x-goog-(?:signature|credential)|sig|signature|jwt|(?:\w+[-_])?token|(?:api|access|secret)[-_]?key|(?:client[-_])?secret|auth|authorization|passw(?:or)?d|pwd)$/i;
const HAS_PASSWORD = 'it has credentials in it: put them into the file that SOURCE_CONNECTIONS names on the server';

/**
 * Reads a URI: `file:///<path>`, `s3://<bucket>/<key>`, `gs://<bucket>/<name>`, `az://<account>/<container>/<name>`,
 * `https://<host>/<path>`. Keys and names stand as they are, not percent-encoded. Throws INVALID_SOURCE.
 */
export function parseSourceUri(text: string): SourceUri {
  if (text.length > MAX_URI) throw invalid(`longer than ${MAX_URI} characters`);
  if (!text.isWellFormed() || /\p{Cc}/u.test(text)) throw invalid('it has control characters');
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'file':
      return fileUri(text);
    case 's3':
    case 'gs':
    case 'az':
      return objectUri(scheme, text);
    case 'http':
    case 'https':
      return webUri(scheme, text);
    default:
      throw invalid(
        scheme === undefined
          ? 'it has no scheme: file:///<path>, s3://, gs://, az:// or https://'
          : `'${scheme}' is none of file, s3, gs, az, https`,
      );
  }
}

/**
 * Reads a prefix of URIs, for a listing: as `parseSourceUri`, but the path may be empty or end anywhere, for `az` behind the
 * container. Throws INVALID_SOURCE.
 */
export function parseSourcePrefix(text: string): SourceUri {
  // What `parseSourceUri` takes with a name behind it. `x` is one wherever the prefix ends.
  const isBucket = /^(?:s3|gs):\/\/[^/]+$/i.test(text) || /^az:\/\/[^/]+\/[^/]+$/i.test(text);
  const { scheme, href, authority, path } = parseSourceUri(`${text}${isBucket ? '/x' : 'x'}`);
  const cut = (whole: string): string => whole.slice(0, -1);
  return { scheme, href: cut(href), authority, path: cut(path) };
}

/** The URI of a file that was listed; null: no URI names it. */
export function hrefOf({ scheme, authority }: Pick<SourceUri, 'scheme' | 'authority'>, path: string): string | null {
  const href = scheme === 'file' ? pathToHref(path) : `${scheme}://${authority}/${path}`;
  return path.endsWith('/') || href.length > MAX_URI || !href.isWellFormed() || /\p{Cc}/u.test(href) ? null : href;
}

/** The last part of the path, to show. */
export function filenameOf({ path }: Pick<SourceUri, 'path'>): string {
  return path.split('/').findLast((part) => part !== '') ?? path;
}

function fileUri(text: string): SourceUri {
  const url = URL.parse(text);
  if (url === null || url.hostname !== '' || url.search !== '' || url.hash !== '') {
    throw invalid(
      'a local file is file:///<absolute path>, with three slashes; ?, # and % in names are percent-encoded',
    );
  }
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch {
    throw invalid('its percent-encoding is not UTF-8');
  }
  if (!isAbsolute(path) || path.includes('\0')) throw invalid('it names no file');
  if (path.endsWith('/')) throw invalid('it names a folder, not a file');
  const plain = posix.normalize(path);
  return { scheme: 'file', href: pathToHref(plain), authority: '', path: plain };
}

function pathToHref(path: string): string {
  return `file://${path.split('/').map(encodeURIComponent).join('/')}`;
}

function objectUri(scheme: 's3' | 'gs' | 'az', text: string): SourceUri {
  if (/^[a-z0-9]+:\/\/[^/]*@/i.test(text)) throw invalid(HAS_PASSWORD);
  const [, authority = '', path = ''] = /^[a-z0-9]+:\/\/([a-z0-9][a-z0-9._-]{1,220})\/(.+)$/is.exec(text) ?? [];
  const needed = scheme === 'az' ? /^[^/]+\/./s : /./s;
  if (authority === '' || !needed.test(path) || path.endsWith('/')) {
    if (authority !== '' && path.endsWith('/')) throw invalid('it names a folder, not a file');
    throw invalid(`it must be ${scheme}://${scheme === 'az' ? '<account>/<container>/<name>' : '<bucket>/<key>'}`);
  }
  return { scheme, href: `${scheme}://${authority}/${path}`, authority, path };
}

function webUri(scheme: SourceScheme, text: string): SourceUri {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') throw invalid('it is not a valid URL');
  if (url.username !== '' || url.password !== '') {
    throw invalid(HAS_PASSWORD);
  }
  const secret = [...url.searchParams.keys()].find((name) => SECRETS.test(name));
  if (secret !== undefined) {
    throw invalid(
      `the parameter '${secret}' is a credential, which would be stored and shown with the job: upload the file`,
    );
  }
  url.hash = '';
  return { scheme, href: url.href, authority: url.host, path: url.pathname.slice(1) };
}

function invalid(why: string): ServiceError {
  return new ServiceError('INVALID_SOURCE', `source: ${why}`);
}
