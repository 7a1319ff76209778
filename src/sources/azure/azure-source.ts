import type { Readable } from 'node:stream';
import type {
  BlobClient,
  BlobItem,
  BlobServiceClient,
  ContainerClient,
  ContainerListBlobFlatSegmentResponse,
  RestError,
} from '@azure/storage-blob';
import { ServiceError } from '../../errors/index.js';
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

/** Versions whose entity tag of now is remembered. */
const MAX_RETAGGED = 1_000;
/** Failures of @azure/identity that another attempt would not mend. */
const NO_CREDENTIALS = ['CredentialUnavailableError', 'AggregateAuthenticationError', 'AuthenticationRequiredError'];

/** What tells one version of a blob from another. `md5` in Base64, if the blob has one. */
interface Pin {
  etag: string;
  md5?: string;
}

/** Blobs of Azure Storage. `endpoint` is the URL of the account. */
export class AzureSource implements Source {
  /** The SDK's connections: an agent of ours would take the place of a proxy's. */
  readonly leavesChunks = true;
  /** One for each account. */
  readonly #clients = new Map<string, Promise<BlobServiceClient>>();
  /** The entity tag of now, by URI and the one at first, of blobs whose metadata alone were changed. */
  readonly #retagged = new Map<string, string>();

  /** Without options, @azure/identity finds credentials by itself. */
  constructor(private readonly options: SourceConnection['options'] = {}) {}

  async stat(uri: SourceUri, signal: AbortSignal): Promise<SourceVersion> {
    try {
      const { etag, contentMD5, contentLength } = await (await this.#blob(uri)).getProperties({ abortSignal: signal });
      if (etag === undefined || contentLength === undefined)
        throw new Error('The server tells no entity tag or length');
      return { version: JSON.stringify(pinOf(etag, contentMD5)), sizeBytes: contentLength };
    } catch (error) {
      throw refusal(error, uri) ?? error;
    }
  }

  async fetch(
    uri: SourceUri,
    version: SourceVersion,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<Readable> {
    const blob = await this.#blob(uri);
    const { etag } = JSON.parse(version.version) as Pin;
    const key = `${uri.href} ${etag}`;
    try {
      return await download(blob, this.#retagged.get(key) ?? etag, version.sizeBytes, from, to, signal);
    } catch (error) {
      if (statusOf(error) !== 412) throw gone(error, uri) ?? refusal(error, uri) ?? error;
    }
    // Its entity tag changes with its metadata, too.
    const current = await this.#sameContent(blob, uri, version, signal);
    if (this.#retagged.size >= MAX_RETAGGED) this.#retagged.clear();
    this.#retagged.set(key, current);
    try {
      return await download(blob, current, version.sizeBytes, from, to, signal);
    } catch (error) {
      throw gone(error, uri) ?? refusal(error, uri) ?? error;
    }
  }

  async *list(prefix: SourceUri, { after, limit, signal }: ListOptions): AsyncGenerator<readonly ListedFile[]> {
    const { container, name } = partsOf(prefix);
    const last = after === undefined ? undefined : partsOf({ path: after }).name;
    // `startFrom` is part of what comes, if it is still there.
    const options = { prefix: name, ...(last === undefined ? {} : { startFrom: last }) };
    let token: string | undefined;
    do {
      const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(PAGE_MS)]);
      const segment = await this.#page(prefix, container, { ...options, abortSignal }, limit, token);
      const page = segment.blobs.flatMap(({ name: found, properties }) => {
        const uri = found === last ? null : hrefOf(prefix, `${container}/${found}`);
        const { etag, contentMD5, contentLength: sizeBytes, lastModified: modifiedAt } = properties;
        if (uri === null || etag === undefined || sizeBytes === undefined || modifiedAt === undefined) return [];
        return [{ uri, version: JSON.stringify(pinOf(etag, contentMD5)), sizeBytes, modifiedAt }];
      });
      if (page.length > 0) yield page;
      token = segment.next;
    } while (token !== undefined && token !== '');
  }

  async delete(uri: SourceUri, version: SourceVersion, signal: AbortSignal): Promise<void> {
    const blob = await this.#blob(uri);
    // The entity tag changes with the metadata, too.
    const etag = await this.#sameContent(blob, uri, version, signal);
    try {
      await blob.delete({ abortSignal: signal, conditions: { ifMatch: etag } });
    } catch (error) {
      throw gone(error, uri) ?? refusal(error, uri) ?? error;
    }
  }

  async close(): Promise<void> {
    // The SDK's connections are those of the process, and end when they have been idle.
    this.#clients.clear();
  }

  async #page(
    prefix: SourceUri,
    container: string,
    options: NonNullable<Parameters<ContainerClient['listBlobsFlat']>[0]>,
    limit: number,
    continuationToken: string | undefined,
  ): Promise<{ blobs: readonly BlobItem[]; next: string | undefined }> {
    try {
      const client = (await this.#client(prefix)).getContainerClient(container);
      const settings = {
        maxPageSize: Math.min(limit, MAX_PAGE),
        ...(continuationToken === undefined ? {} : { continuationToken }),
      };
      const pages = client.listBlobsFlat(options).byPage(settings);
      const page = (await pages.next()) as IteratorResult<ContainerListBlobFlatSegmentResponse, undefined>;
      return { blobs: page.value?.segment.blobItems ?? [], next: page.value?.continuationToken };
    } catch (error) {
      throw refusal(error, prefix) ?? error;
    }
  }

  /** The entity tag of now, if the blob's content is still that of the version. Throws SOURCE_CHANGED. */
  async #sameContent(
    blob: BlobClient,
    uri: SourceUri,
    { version, sizeBytes }: SourceVersion,
    signal: AbortSignal,
  ): Promise<string> {
    const { md5 } = JSON.parse(version) as Pin;
    try {
      const { etag = '', contentMD5, contentLength } = await blob.getProperties({ abortSignal: signal });
      const found = pinOf(etag, contentMD5);
      const { etag: before } = JSON.parse(version) as Pin;
      if (found.etag === before) return before;
      if (md5 !== undefined && found.md5 === md5 && contentLength === sizeBytes) return found.etag;
    } catch (error) {
      throw gone(error, uri) ?? refusal(error, uri) ?? error;
    }
    throw sourceChanged(uri.href);
  }

  async #blob(uri: SourceUri): Promise<BlobClient> {
    const { container, name } = partsOf(uri);
    return (await this.#client(uri)).getContainerClient(container).getBlobClient(name);
  }

  #client(uri: SourceUri): Promise<BlobServiceClient> {
    const known = this.#clients.get(uri.authority) ?? this.#connect(uri);
    this.#clients.set(uri.authority, known);
    return known;
  }

  async #connect({ authority: account, href }: SourceUri): Promise<BlobServiceClient> {
    const sdk = await import('@azure/storage-blob');
    const { endpoint, account_key: key, sas_token: sas, connection_string: connection, anonymous } = this.options;
    // Who reads retries.
    const pipeline = { retryOptions: { maxTries: 1 }, userAgentOptions: { userAgentPrefix: 'batch' } };
    if (typeof connection === 'string') {
      const client = sdk.BlobServiceClient.fromConnectionString(connection, pipeline);
      if (client.accountName === account) return client;
      const detail = `The connection of ${href} is to another account (${client.accountName})`;
      throw new ServiceError('SOURCE_FORBIDDEN', detail);
    }
    const url = typeof endpoint === 'string' ? endpoint : `https://${account}.blob.core.windows.net`;
    if (typeof sas === 'string')
      return new sdk.BlobServiceClient(`${url}?${sas.replace(/^\?/, '')}`, undefined, pipeline);
    if (anonymous === true) return new sdk.BlobServiceClient(url, undefined, pipeline);
    const credential =
      typeof key === 'string'
        ? new sdk.StorageSharedKeyCredential(account, key)
        : new (await import('@azure/identity')).DefaultAzureCredential();
    return new sdk.BlobServiceClient(url, credential, pipeline);
  }
}

async function download(
  blob: BlobClient,
  etag: string,
  sizeBytes: number,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<Readable> {
  const { readableStreamBody, contentRange, _response } = await blob.download(from, to - from, {
    conditions: { ifMatch: `"${etag}"` },
    abortSignal: signal,
    maxRetryRequests: 0,
  });
  const body = readableStreamBody as Readable | undefined;
  if (contentRange === `bytes ${from}-${to - 1}/${sizeBytes}` && body !== undefined) return body;
  body?.destroy();
  throw unexpectedAnswer(_response.status, `Not the range that was asked for: ${contentRange ?? 'none'}`);
}

/** Headers have the entity tag in quotes, listings do not. */
function pinOf(etag: string, md5: Uint8Array | undefined): Pin {
  const plain = etag.replace(/^"|"$/g, '');
  return md5 === undefined ? { etag: plain } : { etag: plain, md5: Buffer.from(md5).toString('base64') };
}

function partsOf({ path }: Pick<SourceUri, 'path'>): { container: string; name: string } {
  const slash = path.indexOf('/');
  return { container: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** What a failure means for a blob that was there before: another one is in its place, or none. */
function gone(error: unknown, uri: SourceUri): ServiceError | null {
  return [404, 412, 416].includes(statusOf(error) ?? 0) ? sourceChanged(uri.href, error) : null;
}

/** What another attempt would not change; null: it may. */
function refusal(error: unknown, { href }: SourceUri): ServiceError | null {
  if (error instanceof ServiceError) return error;
  const { name, code = '' } = error as RestError;
  const status = statusOf(error);
  const words = `the server says ${status} ${code}`.trimEnd();
  if (status === 404) {
    return new ServiceError('SOURCE_NOT_FOUND', `There is no blob ${href} (${words})`, { cause: error });
  }
  if (status === 400 || status === 401 || status === 403) {
    return new ServiceError('SOURCE_FORBIDDEN', `The service may not read ${href} (${words})`, { cause: error });
  }
  if (status === 409) {
    const detail = `${href} cannot be read as it is stored (${words}): is it in the archive tier?`;
    return new ServiceError('SOURCE_UNSUPPORTED', detail, { cause: error });
  }
  if (!NO_CREDENTIALS.includes(name)) return null;
  const detail = `There are no credentials for ${href}: set those of Azure's SDK, or a connection (SOURCE_CONNECTIONS)`;
  return new ServiceError('SOURCE_FORBIDDEN', detail, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  return (error as Partial<RestError>).statusCode;
}
