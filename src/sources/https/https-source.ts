import { lookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { ServiceError } from '../../errors/index.js';
import { HttpAgent, HttpsAgent } from '../../http/index.js';
import { isOwnAddress } from '../addresses.js';
import { type AllowedSource, requireAllowed } from '../allowed-sources.js';
import { connectionOf, type SourceConnection } from '../connections.js';
import type { ListedFile, Source, SourceUri, SourceVersion } from '../source.js';
import { sourceChanged } from '../source-changed.js';
import { parseSourceUri } from '../source-uri.js';
import { unexpectedAnswer } from '../unexpected-answer.js';

const MAX_REDIRECTS = 5;
const MAX_SOCKETS = 16;

interface Pin {
  etag?: string;
  modified?: string;
}

export interface HttpsSourceOptions {
  /** What SOURCES allows: each redirect is held against it, too. */
  allowed: readonly AllowedSource[];
  connections: readonly SourceConnection[];
  /** As `dns.lookup`, which it is if it is left out. */
  resolve?: typeof lookup;
}

/**
 * Files of web servers that give ranges of them. The address that was checked is the one that is connected to; one of
 * this machine's or network's own only if SOURCES names it by its number or as localhost.
 */
export class HttpsSource implements Source {
  readonly #agents = {
    plain: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    secure: new Map<string, HttpsAgent>(),
  };

  constructor(private readonly options: HttpsSourceOptions) {}

  async stat(uri: SourceUri, signal: AbortSignal): Promise<SourceVersion> {
    // A range of one byte: many servers answer HEAD otherwise than GET.
    const answer = await this.#get(uri, { range: 'bytes=0-0' }, signal);
    answer.destroy();
    const { statusCode = 0, headers } = answer;
    if (statusCode === 416 && headers['content-range'] === 'bytes */0') {
      return { version: JSON.stringify(pinOf(headers) ?? {}), sizeBytes: 0 };
    }
    const size = /^bytes 0-0\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
    if (statusCode === 200) return wholeVersion(uri, headers);
    if (statusCode !== 206 || size === undefined) {
      if (statusCode === 429 || statusCode >= 500) throw unexpectedAnswer(statusCode, 'The server has an error');
      throw (
        refusal(uri, statusCode) ?? unsupported(uri, `its server answers with ${statusCode} to a request for a range`)
      );
    }
    requirePlain(uri, headers);
    const pin = pinOf(headers);
    if (pin === null)
      throw unsupported(uri, 'its server says neither ETag nor Last-Modified, so a change would go unnoticed');
    return { version: JSON.stringify(pin), sizeBytes: Number(size) };
  }

  async fetch(
    uri: SourceUri,
    { version, sizeBytes, ranges }: SourceVersion,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<Readable> {
    const pin = JSON.parse(version) as Pin;
    if (ranges === false) return this.#fetchWhole(uri, pin, sizeBytes, signal);
    const validator = pin.etag ?? pin.modified ?? '';
    const headers = { range: `bytes=${from}-${to - 1}`, 'if-range': validator };
    const answer = await this.#get(uri, headers, signal);
    const { statusCode = 0 } = answer;
    const found = pinOf(answer.headers);
    const isSame = isSamePin(found, pin);
    if (statusCode === 206 && isSame && answer.headers['content-range'] === `bytes ${from}-${to - 1}/${sizeBytes}`) {
      requirePlain(uri, answer.headers);
      return answer;
    }
    answer.destroy();
    // If-Range has a server send the whole of another version. What has no validator may come from a gateway on the way.
    const isOther = (statusCode === 200 || statusCode === 206) && found !== null && !isSame;
    // It was there before.
    if (isOther || statusCode === 404 || statusCode === 410 || statusCode === 416) {
      throw sourceChanged(uri.href);
    }
    const range = answer.headers['content-range'] ?? 'none';
    throw refusal(uri, statusCode) ?? unexpectedAnswer(statusCode, `Not the range that was asked for: ${range}`);
  }

  /** If the server has begun to give ranges meanwhile, it still gives the whole to who asks for none. */
  async #fetchWhole(uri: SourceUri, pin: Pin, sizeBytes: number, signal: AbortSignal): Promise<Readable> {
    const answer = await this.#get(uri, {}, signal);
    const { statusCode = 0, headers } = answer;
    const found = pinOf(headers);
    const isSame = isSamePin(found, pin);
    if (statusCode === 200 && isSame && headers['content-length'] === `${sizeBytes}`) {
      requirePlain(uri, headers);
      return answer;
    }
    answer.destroy();
    if ((statusCode === 200 && found !== null) || statusCode === 404 || statusCode === 410) {
      throw sourceChanged(uri.href);
    }
    throw refusal(uri, statusCode) ?? unexpectedAnswer(statusCode, 'Not the file that was asked for');
  }

  list(prefix: SourceUri): AsyncIterable<readonly ListedFile[]> {
    throw new ServiceError('SOURCE_UNSUPPORTED', `${prefix.href}: web servers have no listing of their files`);
  }

  async close(): Promise<void> {
    this.#agents.plain.destroy();
    for (const agent of this.#agents.secure.values()) agent.destroy();
  }

  /** The last answer of up to five redirects, each of which must be allowed. */
  async #get(first: SourceUri, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
    let uri = first;
    let url = new URL(first.href);
    for (let redirects = 0; ; redirects++) {
      if (redirects === 0) requireAllowed(uri, this.options.allowed);
      else this.#requireTarget(uri, first);
      const answer = await this.#ask(uri, url, headers, signal);
      const { statusCode = 0, headers: said } = answer;
      if (![301, 302, 303, 307, 308].includes(statusCode) || said.location === undefined) return answer;
      answer.destroy();
      if (redirects === MAX_REDIRECTS)
        throw unsupported(first, `its server redirects more than ${MAX_REDIRECTS} times`);
      const next = URL.parse(said.location, url.href);
      if (next === null || !/^https?:$/.test(next.protocol) || next.username !== '' || next.password !== '')
        throw unsupported(first, 'its server redirects to something that is not a plain URL of the web');
      if (url.protocol === 'https:' && next.protocol !== 'https:')
        throw unsupported(first, 'its server redirects to plain HTTP');
      url = next;
      // Its query may be a signature, which no message is to have.
      uri = parseSourceUri(`${next.origin}${next.pathname}`);
    }
  }

  #requireTarget(uri: SourceUri, first: SourceUri): void {
    try {
      requireAllowed(uri, this.options.allowed);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      throw new ServiceError(error.code, `${error.message}, to which ${first.href} redirects`, { cause: error });
    }
  }

  #ask(uri: SourceUri, url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
    const connection = connectionOf(uri, this.options.connections)?.options ?? {};
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // Whoever writes a number or localhost into SOURCES means it.
    const isNamed = isIP(host) !== 0 || host === 'localhost';
    const { headers: extra = {} } = connection;
    const options = {
      headers: {
        'accept-encoding': 'identity',
        'user-agent': 'batch',
        ...(extra as Record<string, string>),
        ...headers,
      },
      signal,
      lookup: isNamed ? undefined : guardedLookup(uri, this.options.resolve ?? lookup),
      agent: uri.scheme === 'http' ? this.#agents.plain : this.#secureAgent(connection),
    };
    return new Promise((done, failed) => {
      const request = (uri.scheme === 'http' ? http : https).get(url, options as http.RequestOptions, done);
      request.on('error', failed);
    });
  }

  #secureAgent({ ca_file: file }: SourceConnection['options']): HttpsAgent {
    const key = typeof file === 'string' ? file : '';
    const known = this.#agents.secure.get(key);
    if (known !== undefined) return known;
    const ca = key === '' ? {} : { ca: readFileSync(key) };
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, ...ca });
    this.#agents.secure.set(key, agent);
    return agent;
  }
}

/** As `dns.lookup`, but fails if one of the addresses is the machine's or network's own. */
function guardedLookup(uri: SourceUri, resolve: typeof lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      if (addresses.some(({ address }) => isOwnAddress(address))) {
        callback(ownAddress(uri) as NodeJS.ErrnoException, '');
        return;
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    });
  };
}

/** Version of a file whose server gives no ranges of it. */
function wholeVersion(uri: SourceUri, headers: http.IncomingHttpHeaders): SourceVersion {
  requirePlain(uri, headers);
  const pin = pinOf(headers);
  const size = /^\d+$/.exec(headers['content-length'] ?? '')?.[0];
  if (pin === null || size === undefined) {
    const lacks = pin === null ? 'neither ETag nor Last-Modified' : 'no Content-Length';
    throw unsupported(uri, `its server gives no ranges of it, and says ${lacks}`);
  }
  return { version: JSON.stringify(pin), sizeBytes: Number(size), ranges: false };
}

/** A weak entity tag holds for other bytes, too. null: there is nothing to tell versions apart by. */
function pinOf({ etag, 'last-modified': modified }: http.IncomingHttpHeaders): Pin | null {
  if (etag !== undefined && !etag.startsWith('W/')) return { etag };
  return modified === undefined ? null : { modified };
}

function isSamePin(found: Pin | null, pin: Pin): boolean {
  return found !== null && found.etag === pin.etag && found.modified === pin.modified;
}

function requirePlain(uri: SourceUri, { 'content-encoding': encoding = 'identity' }: http.IncomingHttpHeaders): void {
  if (encoding !== 'identity') throw unsupported(uri, `its server sends it as ${encoding}, whatever it is asked for`);
}

function refusal({ href }: SourceUri, status: number): ServiceError | null {
  if (status === 404 || status === 410)
    return new ServiceError('SOURCE_NOT_FOUND', `There is nothing at ${href} (${status})`);
  if (status === 401 || status === 403 || status === 407) {
    return new ServiceError('SOURCE_FORBIDDEN', `The server does not let the service read ${href} (${status})`);
  }
  return null;
}

function unsupported({ href }: SourceUri, why: string): ServiceError {
  return new ServiceError('SOURCE_UNSUPPORTED', `${href} cannot be read in place: ${why}`);
}

function ownAddress({ href }: SourceUri): ServiceError {
  return new ServiceError('SOURCE_NOT_ALLOWED', `${href} leads to an address of this machine or its network`);
}
