import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import type { Storage } from '@google-cloud/storage';
import { ServiceError } from '../../errors/index.js';
import { HttpAgent, HttpsAgent } from '../../http/index.js';
import type { SourceConnection } from '../connections.js';
import {
  type ListedFile,
  type ListOptions,
  MAX_PAGE,
  PAGE_MS,
  type Source,
  type SourceUri,
  type SourceVersion,
} from '../source.js';
import { sourceChanged } from '../source-changed.js';
import { hrefOf } from '../source-uri.js';
import { unexpectedAnswer } from '../unexpected-answer.js';
import { until } from '../until.js';
import { clientOf } from './credentials-file.js';

const MAX_SOCKETS = 16;
/** An answer of the JSON API: a page of 1,000 names of 1,024 bytes takes less. */
const MAX_JSON_BYTES = 16 * 1024 ** 2;
/** The part of an error's body that is read for its reason. */
const MAX_ERROR_BYTES = 64 * 1024;

/** An object, as the JSON API has it; 64-bit numbers are text. */
interface GcsObject {
  name: string;
  generation: string;
  size: string;
  /** That of this generation. */
  timeCreated: string;
}

/**
 * Objects of Google Cloud Storage. The SDK has the credentials and the endpoint. The requests are made here: those of the SDK
 * know no time limit and cannot be ended by a signal, and it decompresses what it reads.
 */
export class GcsSource implements Source {
  readonly #agents = {
    plain: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    secure: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
  };
  #storage: Promise<Storage> | undefined;

  /**
   * Without options, the SDK finds credentials by itself. `project_id` is the one that pays for requests, which buckets with
   * "requester pays" need.
   */
  constructor(private readonly options: SourceConnection['options'] = {}) {}

  async stat(uri: SourceUri, signal: AbortSignal): Promise<SourceVersion> {
    const answer = await this.#request(uri, objectPath(uri), { fields: 'generation,size' }, signal);
    if (answer.statusCode !== 200) throw await failure(answer, uri);
    const { generation, size } = (await jsonOf(answer)) as Partial<GcsObject>;
    if (generation === undefined || size === undefined) throw new Error('The server tells no generation or size');
    return { version: generation, sizeBytes: Number(size) };
  }

  async fetch(
    uri: SourceUri,
    { version, sizeBytes }: SourceVersion,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<Readable> {
    const query = { alt: 'media', generation: version };
    // Objects that are stored as gzip come as they are: decompressed ones have no ranges.
    const headers = { range: `bytes=${from}-${to - 1}`, 'accept-encoding': 'gzip' };
    const answer = await this.#request(uri, objectPath(uri), query, signal, { headers });
    const { statusCode = 0, headers: said } = answer;
    if (statusCode === 206 && said['content-range'] === `bytes ${from}-${to - 1}/${sizeBytes}`) {
      const found = said['x-goog-generation'] ?? version;
      if (found === version) return answer;
      answer.destroy();
      throw sourceChanged(uri.href);
    }
    if (statusCode < 400) {
      answer.destroy();
      throw unexpectedAnswer(statusCode, `Not the range that was asked for: ${said['content-range'] ?? 'none'}`);
    }
    const reason = await failure(answer, uri);
    // It was there.
    if ([404, 410, 412, 416].includes(statusCode)) throw sourceChanged(uri.href, reason);
    throw reason;
  }

  async *list(prefix: SourceUri, { after, limit, signal }: ListOptions): AsyncGenerator<readonly ListedFile[]> {
    const query: Record<string, string> = {
      prefix: prefix.path,
      // It is part of what comes, if it is still there.
      ...(after === undefined ? {} : { startOffset: after }),
      maxResults: `${Math.min(limit, MAX_PAGE)}`,
      fields: 'nextPageToken,items(name,generation,size,timeCreated)',
    };
    const path = `/storage/v1/b/${encodeURIComponent(prefix.authority)}/o`;
    for (;;) {
      const pageSignal = AbortSignal.any([signal, AbortSignal.timeout(PAGE_MS)]);
      const answer = await this.#request(prefix, path, query, pageSignal);
      if (answer.statusCode !== 200) throw await failure(answer, prefix);
      const { items = [], nextPageToken } = (await jsonOf(answer)) as { items?: GcsObject[]; nextPageToken?: string };
      const page = items.flatMap(({ name, generation, size, timeCreated }) => {
        const uri = name === after ? null : hrefOf(prefix, name);
        if (uri === null) return [];
        return [{ uri, version: generation, sizeBytes: Number(size), modifiedAt: new Date(timeCreated) }];
      });
      if (page.length > 0) yield page;
      if (nextPageToken === undefined || nextPageToken === '') return;
      query['pageToken'] = nextPageToken;
    }
  }

  async close(): Promise<void> {
    this.#agents.plain.destroy();
    this.#agents.secure.destroy();
    this.#storage = undefined;
  }

  async delete(uri: SourceUri, { version }: SourceVersion, signal: AbortSignal): Promise<void> {
    // What the server compares once more; emulators do not.
    if ((await this.stat(uri, signal)).version !== version) throw sourceChanged(uri.href);
    const query = { ifGenerationMatch: version };
    const answer = await this.#request(uri, objectPath(uri), query, signal, { method: 'DELETE' });
    const { statusCode = 0 } = answer;
    if (statusCode === 204 || statusCode === 200) return void answer.resume();
    const reason = await failure(answer, uri);
    throw statusCode === 412 ? sourceChanged(uri.href, reason) : reason;
  }

  async #request(
    uri: SourceUri,
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
    { method = 'GET', headers = {} }: { method?: 'GET' | 'DELETE'; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<IncomingMessage> {
    const storage = await this.#load(uri);
    const { project_id: project } = this.options;
    const url = new URL(`${storage.apiEndpoint}${path}`);
    url.search = `${new URLSearchParams(query)}`;
    if (typeof project === 'string') url.searchParams.set('userProject', project);
    const credentials = await until(this.#credentials(storage, uri, url.href), signal);
    const isPlain = url.protocol === 'http:';
    const options = {
      method,
      headers: { 'user-agent': 'batch', ...credentials, ...headers },
      signal,
      agent: isPlain ? this.#agents.plain : this.#agents.secure,
    };
    return new Promise((done, failed) => {
      (isPlain ? http : https).request(url, options, done).on('error', failed).end();
    });
  }

  /** Headers of requests. Throws SOURCE_FORBIDDEN if there are no credentials. */
  async #credentials(storage: Storage, uri: SourceUri, url: string): Promise<Record<string, string>> {
    // An emulator that the environment names (STORAGE_EMULATOR_HOST) asks for none.
    const isEmulator = this.options['endpoint'] === undefined && storage.customEndpoint;
    if (this.options['anonymous'] === true || isEmulator) return {};
    try {
      return Object.fromEntries(await storage.authClient.getRequestHeaders(url));
    } catch (error) {
      const { code = '', response } = error as { code?: unknown; response?: { status: number } };
      const mayPass =
        response === undefined
          ? /^E(?!NOENT|ACCES|ISDIR)/.test(`${code}`)
          : response.status >= 500 || response.status === 429;
      if (mayPass) throw error;
      const detail = `There are no valid credentials for ${uri.href}: set those of Google's SDK, or a connection (SOURCE_CONNECTIONS)`;
      throw new ServiceError('SOURCE_FORBIDDEN', detail, { cause: error });
    }
  }

  /** Throws SOURCE_FORBIDDEN if the credentials file does not do; it is read again next time. */
  async #load(uri: SourceUri): Promise<Storage> {
    const loading = this.#storage ?? this.#connect(uri);
    this.#storage = loading;
    try {
      return await loading;
    } catch (error) {
      if (this.#storage === loading) this.#storage = undefined;
      throw error;
    }
  }

  async #connect({ href }: SourceUri): Promise<Storage> {
    const { endpoint, credentials_file: file } = this.options;
    const { Storage: Client } = await import('@google-cloud/storage');
    return new Client({
      ...(typeof endpoint === 'string' ? { apiEndpoint: endpoint } : {}),
      ...(typeof file === 'string' ? { authClient: await clientOf(file, href) } : {}),
    });
  }
}

function objectPath({ authority, path }: SourceUri): string {
  return `/storage/v1/b/${encodeURIComponent(authority)}/o/${encodeURIComponent(path)}`;
}

/** Reasons of a 403 that pass by themselves. */
const QUOTAS = /^ (?:rateLimitExceeded|userRateLimitExceeded|quotaExceeded|dailyLimitExceeded)$/;

/** What an answer means that is none of those that were hoped for; reads its body. */
async function failure(answer: IncomingMessage, { href }: SourceUri): Promise<Error> {
  const { statusCode: status = 0 } = answer;
  const reason = await reasonOf(answer);
  const words = `the server says ${status}${reason}`;
  if (status === 404) return new ServiceError('SOURCE_NOT_FOUND', `There is no object ${href} (${words})`);
  if (status === 403 && QUOTAS.test(reason)) return unexpectedAnswer(status, `The storage refuses for now:${reason}`);
  if (status === 400 || status === 401 || status === 403) {
    return new ServiceError('SOURCE_FORBIDDEN', `The service may not read ${href} (${words})`);
  }
  return unexpectedAnswer(status, 'The storage did not answer as expected');
}

/** ` notFound`, as Google names it; nothing if the body says no reason. */
async function reasonOf(answer: IncomingMessage): Promise<string> {
  try {
    const { error } = JSON.parse(await textOf(answer, MAX_ERROR_BYTES)) as {
      error?: { errors?: { reason?: string }[] };
    };
    const reason = error?.errors?.[0]?.reason ?? '';
    return /^\w{1,64}$/.test(reason) ? ` ${reason}` : '';
  } catch {
    // The status says enough.
    return '';
  }
}

async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  return JSON.parse(await textOf(answer, MAX_JSON_BYTES));
}

async function textOf(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`The answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
