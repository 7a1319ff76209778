import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
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

const CONNECT_MS = 5_000;
const MAX_SOCKETS = 16;
/** Buckets of which it is remembered whether they compare versions. */
const MAX_BUCKETS = 1_000;

type Sdk = typeof import('@aws-sdk/client-s3');

/**
 * What tells one version of an object from another: the id if the bucket keeps versions, else all that is known.
 * `modified` in whole seconds, as HTTP has it.
 */
interface Pin {
  etag: string;
  modified?: string;
  versionId?: string;
}

/** Objects of Amazon S3, or of a server that speaks its protocol. */
export class S3Source implements Source {
  #loaded: Promise<{ sdk: Sdk; client: S3Client }> | undefined;
  readonly #comparing = new Map<string, boolean>();

  /** Without options, the SDK finds credentials and region by itself. */
  constructor(private readonly options: SourceConnection['options'] = {}) {}

  async stat(uri: SourceUri, signal: AbortSignal): Promise<SourceVersion> {
    const { sdk, client } = await this.#load();
    const { authority: Bucket, path: Key, href } = uri;
    try {
      const command = new sdk.HeadObjectCommand({ Bucket, Key });
      const found = await until(client.send(command, { abortSignal: signal }), signal);
      const { ETag: etag = '', VersionId: versionId, LastModified: modified, ContentLength: sizeBytes } = found;
      if (etag === '' || sizeBytes === undefined) {
        const lacks = etag === '' ? 'entity tag' : 'length';
        throw new ServiceError(
          'SOURCE_UNSUPPORTED',
          `${href} cannot be read in place: its server gives no ${lacks} of it`,
        );
      }
      const pin = pinOf(etag, modified, versionId);
      return { version: JSON.stringify(pin), sizeBytes };
    } catch (error) {
      throw refusal(error, href) ?? error;
    }
  }

  async fetch(
    uri: SourceUri,
    { version, sizeBytes }: SourceVersion,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<Readable> {
    const { sdk, client } = await this.#load();
    const { authority: Bucket, path: Key, href } = uri;
    const { etag, versionId, modified } = JSON.parse(version) as Pin;
    const command = new sdk.GetObjectCommand({
      ...{ Bucket, Key, Range: `bytes=${from}-${to - 1}`, IfMatch: etag },
      ...(versionId === undefined ? {} : { VersionId: versionId }),
    });
    // The SDK does not end its search for credentials by the signal.
    const answer = await until(client.send(command, { abortSignal: signal }), signal).catch((error: unknown) => {
      // It was there.
      if ([404, 412, 416].includes(statusOf(error) ?? 0)) throw sourceChanged(href, error);
      throw refusal(error, href) ?? error;
    });
    const body = answer.Body as Readable;
    const range = answer.ContentRange ?? 'none';
    if (range === `bytes ${from}-${to - 1}/${sizeBytes}`) {
      // An object that was replaced by one of the same bytes has the same entity tag; an id of a version says it all.
      if (versionId !== undefined || modified === undefined || pinOf(etag, answer.LastModified).modified === modified)
        return body;
      body.destroy();
      throw sourceChanged(href);
    }
    body.destroy();
    throw unexpectedAnswer(answer.$metadata.httpStatusCode ?? 0, `Not the range that was asked for: ${range}`);
  }

  async *list(prefix: SourceUri, { after, limit, signal }: ListOptions): AsyncGenerator<readonly ListedFile[]> {
    const { sdk, client } = await this.#load();
    const { authority: Bucket, path: Prefix, href } = prefix;
    let from: { StartAfter?: string; ContinuationToken?: string } = after === undefined ? {} : { StartAfter: after };
    for (;;) {
      const command = new sdk.ListObjectsV2Command({ Bucket, Prefix, MaxKeys: Math.min(limit, MAX_PAGE), ...from });
      const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(PAGE_MS)]);
      const answer = await until(client.send(command, { abortSignal }), abortSignal).catch((error: unknown) => {
        throw refusal(error, href) ?? error;
      });
      const page = (answer.Contents ?? []).flatMap(({ Key = '', ETag, LastModified: modifiedAt, Size: sizeBytes }) => {
        const uri = hrefOf(prefix, Key);
        if (uri === null || ETag === undefined || modifiedAt === undefined || sizeBytes === undefined) return [];
        return [{ uri, version: JSON.stringify(pinOf(ETag, modifiedAt)), sizeBytes, modifiedAt }];
      });
      if (page.length > 0) yield page;
      if (answer.NextContinuationToken === undefined) return;
      from = { ContinuationToken: answer.NextContinuationToken };
    }
  }

  /**
   * The bucket has to compare the entity tag. One that keeps versions keeps this one, too, behind a marker: without it, the version
   * before would take its place, as if it were new.
   */
  async delete(uri: SourceUri, { version }: SourceVersion, signal: AbortSignal): Promise<void> {
    const { sdk, client } = await this.#load();
    const { authority: Bucket, path: Key, href } = uri;
    const { etag } = JSON.parse(version) as Pin;
    try {
      if (!(await this.#comparesDeletes(Bucket, signal))) {
        throw new ServiceError('SOURCE_UNSUPPORTED', `The store of ${href} compares no version before it deletes one`);
      }
      // One of the same bytes was written anew.
      if ((await this.stat(uri, signal)).version !== version) throw sourceChanged(href);
      const command = new sdk.DeleteObjectCommand({ Bucket, Key, IfMatch: etag });
      await until(client.send(command, { abortSignal: signal }), signal);
    } catch (error) {
      if (statusOf(error) === 412) throw sourceChanged(href, error);
      throw refusal(error, href) ?? error;
    }
  }

  /** Servers that do not know If-Match for DELETE ignore it: seen by an object that is not there. */
  async #comparesDeletes(Bucket: string, signal: AbortSignal): Promise<boolean> {
    const known = this.#comparing.get(Bucket);
    if (known !== undefined) return known;
    const { sdk, client } = await this.#load();
    const probe = { Bucket, Key: `batch-probe-${randomUUID()}`, IfMatch: '"00000000000000000000000000000000"' };
    const answer = await until(client.send(new sdk.DeleteObjectCommand(probe), { abortSignal: signal }), signal).then(
      async ({ VersionId }) => {
        // A bucket that keeps versions has added one now, which says that the object is deleted.
        const { Key } = probe;
        if (VersionId !== undefined) {
          const mark = new sdk.DeleteObjectCommand({ Bucket, Key, VersionId });
          await until(client.send(mark, { abortSignal: signal }), signal);
        }
        return false;
      },
      (error: unknown) => {
        if ([404, 409, 412].includes(statusOf(error) ?? 0)) return true;
        throw error;
      },
    );
    if (this.#comparing.size < MAX_BUCKETS) this.#comparing.set(Bucket, answer);
    return answer;
  }

  async close(): Promise<void> {
    if (this.#loaded !== undefined) (await this.#loaded).client.destroy();
    this.#loaded = undefined;
  }

  async #load(): Promise<{ sdk: Sdk; client: S3Client }> {
    this.#loaded ??= this.#connect();
    return this.#loaded;
  }

  async #connect(): Promise<{ sdk: Sdk; client: S3Client }> {
    const sdk = await import('@aws-sdk/client-s3');
    const { endpoint, region, path_style: pathStyle, anonymous } = this.options;
    const {
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
      session_token: sessionToken,
    } = this.options;
    const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
    const client = new sdk.S3Client({
      ...(typeof endpoint === 'string' ? { endpoint } : {}),
      ...(typeof region === 'string' ? { region } : endpoint === undefined ? {} : { region: 'us-east-1' }),
      forcePathStyle: typeof pathStyle === 'boolean' ? pathStyle : endpoint !== undefined,
      ...(typeof accessKeyId === 'string' && typeof secretAccessKey === 'string'
        ? {
            credentials: {
              accessKeyId,
              secretAccessKey,
              ...(typeof sessionToken === 'string' ? { sessionToken } : {}),
            },
          }
        : {}),
      ...(anonymous === true ? { signer: { sign: async (request: unknown) => request as never } } : {}),
      // Who reads retries.
      maxAttempts: 1,
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent(agent),
      },
    });
    return { sdk, client };
  }
}

function pinOf(etag: string, modified?: Date, versionId?: string): Pin {
  return {
    etag,
    ...(modified === undefined ? {} : { modified: `${modified.toISOString().slice(0, 19)}Z` }),
    ...(versionId === undefined || versionId === 'null' ? {} : { versionId }),
  };
}

/** Credentials that S3 refuses with status 400, by its names for that. */
const REFUSED_CREDENTIALS = ['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenRefreshRequired'];

/** What another attempt would not change; null: it may. */
function refusal(error: unknown, href: string): ServiceError | null {
  const { name, message } = error as Error;
  const status = statusOf(error);
  // The SDK's name for an answer without a body, as that to HEAD, says nothing.
  const words = `the server says ${status}${name === 'Unknown' ? '' : ` ${name}`}`;
  if (name === 'NoSuchBucket') {
    return new ServiceError('SOURCE_NOT_FOUND', `There is no bucket for ${href} (${words})`, { cause: error });
  }
  if (status === 404) {
    return new ServiceError('SOURCE_NOT_FOUND', `There is no object ${href} (${words})`, { cause: error });
  }
  if (name === 'InvalidObjectState') {
    const detail = `${href} cannot be read as it is stored (${words}): is it in an archive?`;
    return new ServiceError('SOURCE_UNSUPPORTED', detail, { cause: error });
  }
  if (status === 401 || status === 403 || (status === 400 && REFUSED_CREDENTIALS.includes(name))) {
    return new ServiceError('SOURCE_FORBIDDEN', `The service may not read ${href} (${words})`, { cause: error });
  }
  if (status === 301 || status === 400) {
    // The answer to HEAD has no body that would tell one from the other.
    const detail = `The service may not read ${href} (${words}): are region and credentials right?`;
    return new ServiceError('SOURCE_FORBIDDEN', detail, { cause: error });
  }
  if (message === 'Region is missing') {
    const missing = `There is no region for ${href}: set AWS_REGION, or region in a connection (SOURCE_CONNECTIONS)`;
    return new ServiceError('SOURCE_FORBIDDEN', missing, { cause: error });
  }
  if (name !== 'CredentialsProviderError') return null;
  const detail = `There are no credentials for ${href}: set those of the AWS SDK, or a connection (SOURCE_CONNECTIONS)`;
  return new ServiceError('SOURCE_FORBIDDEN', detail, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  return (error as Partial<S3ServiceException>).$metadata?.httpStatusCode;
}
