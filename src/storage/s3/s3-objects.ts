import type { Readable } from 'node:stream';
import type { PutObjectCommandInput, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { ServiceError } from '../../errors/index.js';
import { HashFailure } from '../hash-failure.js';
import { codeOf } from '../ranged-file.js';
import type { S3Settings } from './s3-settings.js';

/** Keys that one request deletes at most. */
const DELETED_AT_ONCE = 1000;
const CONNECT_MS = 5_000;
/** For a request with its answer; 8 MiB at 140 kB/s. */
const ANSWER_MS = 60_000;
const MAX_SOCKETS = 256;

/** The answer to a read of a range. */
export interface RangeAnswer {
  body: Readable;
  /** `bytes 0-9/100`. */
  contentRange: string | undefined;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** There is no object of this key, or it is another one than the entity tag says. */
export class ObjectMissingError extends Error {
  override readonly name = 'ObjectMissingError';
}

/**
 * The objects under one prefix of a bucket; keys are relative to it. Requests that fail are repeated twice by the SDK.
 * Then its errors come as they are: see `unavailable`. The SDK is loaded with the first request, because it takes tens
 * of megabytes.
 */
export class S3Objects {
  #loaded: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(
    readonly settings: S3Settings,
    private readonly answerMs = ANSWER_MS,
  ) {}

  /** Closes idle connections. */
  async close(): Promise<void> {
    if (this.#loaded !== undefined) (await this.#loaded).client.destroy();
    this.#loaded = undefined;
  }

  /** Resolves with the entity tag. `crc32`: the server refuses other bytes. */
  async put(key: string, body: Buffer | string, crc32?: number): Promise<string> {
    const { sdk, client } = await this.#load();
    const checksum: Partial<PutObjectCommandInput> = crc32 === undefined ? {} : { ChecksumCRC32: base64(crc32) };
    const command = new sdk.PutObjectCommand({
      ...this.#named(key),
      Body: body,
      ContentLength: Buffer.byteLength(body),
      ...checksum,
    });
    if (crc32 !== undefined) {
      // The checksum covers the body: signing it, too, would read every byte once more.
      command.middlewareStack.add(
        (next) => (args) => {
          (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
          return next(args);
        },
        { step: 'build', name: 'unsignedPayload' },
      );
    }
    const { ETag } = await client.send(command, this.#deadline());
    return required(ETag, 'ETag');
  }

  /** Resolves with whether there was none of this key before: only then it is created. */
  async create(key: string, body: string): Promise<boolean> {
    const { sdk, client } = await this.#load();
    try {
      await client.send(
        new sdk.PutObjectCommand({ ...this.#named(key), Body: body, IfNoneMatch: '*' }),
        this.#deadline(),
      );
      return true;
    } catch (error) {
      if (statusOf(error) === 412) return false;
      throw error;
    }
  }

  /** The whole of a small object; null: there is none. */
  async text(key: string): Promise<string | null> {
    const { sdk, client } = await this.#load();
    try {
      const { Body } = await client.send(new sdk.GetObjectCommand(this.#named(key)), this.#deadline());
      return await required(Body, 'Body').transformToString();
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /**
   * The bytes `from` to `to` (exclusive) of an object, as they come; `signal` ends the request and its body. Throws
   * ObjectMissingError if there is none with this entity tag, or if it is shorter.
   */
  async range(key: string, etag: string, from: number, to: number, signal: AbortSignal): Promise<RangeAnswer> {
    const { sdk, client } = await this.#load();
    const command = new sdk.GetObjectCommand({ ...this.#named(key), Range: `bytes=${from}-${to - 1}`, IfMatch: etag });
    try {
      const { Body, ContentRange } = await client.send(command, { abortSignal: signal });
      return { body: Body as Readable, contentRange: ContentRange };
    } catch (error) {
      const isOther = isMissing(error) || statusOf(error) === 412 || statusOf(error) === 416;
      if (isOther) throw new ObjectMissingError(`There is no such object: ${key}`, { cause: error });
      throw error;
    }
  }

  /** Copies an object within the bucket, on the server; resolves with the copy's entity tag. Throws ObjectMissingError. */
  async copy(key: string, etag: string, to: string): Promise<string> {
    const { sdk, client } = await this.#load();
    const { bucket, prefix } = this.settings;
    const source = [bucket, ...`${prefix}${key}`.split('/')].map(encodeURIComponent).join('/');
    try {
      const command = new sdk.CopyObjectCommand({ ...this.#named(to), CopySource: source, CopySourceIfMatch: etag });
      const { CopyObjectResult } = await client.send(command, this.#deadline());
      return required(CopyObjectResult?.ETag, 'ETag');
    } catch (error) {
      if (!isMissing(error) && statusOf(error) !== 412) throw error;
      throw new ObjectMissingError(`There is no such object: ${key}`, { cause: error });
    }
  }

  async delete(key: string): Promise<void> {
    const { sdk, client } = await this.#load();
    await client.send(new sdk.DeleteObjectCommand(this.#named(key)), this.#deadline());
  }

  /** Those that are not there are no error. */
  async deleteAll(keys: readonly string[]): Promise<void> {
    const { sdk, client } = await this.#load();
    for (let at = 0; at < keys.length; at += DELETED_AT_ONCE) {
      const some = keys.slice(at, at + DELETED_AT_ONCE).map((key) => ({ Key: this.settings.prefix + key }));
      const command = new sdk.DeleteObjectsCommand({
        Bucket: this.settings.bucket,
        Delete: { Objects: some, Quiet: true },
      });
      const { Errors = [] } = await client.send(command, this.#deadline());
      // Servers other than Amazon's may say so of an object that somebody else has just deleted.
      const failed = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
      const [first] = failed;
      if (first !== undefined) {
        throw Object.assign(new Error(`${failed.length} objects were not deleted: ${first.Message}`), {
          name: first.Code ?? 'DeleteError',
        });
      }
    }
  }

  /** Deletes the objects whose keys begin so. */
  async deleteUnder(start: string): Promise<void> {
    const keys: string[] = [];
    for await (const key of this.list(start)) keys.push(key);
    await this.deleteAll(keys);
  }

  /** The keys that begin so. */
  async *list(start: string): AsyncGenerator<string> {
    const { sdk, client } = await this.#load();
    const { bucket, prefix } = this.settings;
    let token: string | undefined;
    do {
      const command = new sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix + start,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await client.send(command, this.#deadline());
      for (const { Key } of page.Contents ?? []) yield required(Key, 'Key').slice(prefix.length);
      token = page.IsTruncated === true ? required(page.NextContinuationToken, 'NextContinuationToken') : undefined;
    } while (token !== undefined);
  }

  #deadline(): { abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.answerMs) };
  }

  #named(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.settings.bucket, Key: this.settings.prefix + key };
  }

  async #load(): Promise<{ sdk: Sdk; client: S3Client }> {
    this.#loaded ??= this.#connect();
    return this.#loaded;
  }

  async #connect(): Promise<{ sdk: Sdk; client: S3Client }> {
    const sdk = await import('@aws-sdk/client-s3');
    const { HttpAgent, HttpsAgent } = await import('../../http/index.js');
    const { endpoint, region, isPathStyle } = this.settings;
    const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
    const client = new sdk.S3Client({
      ...(endpoint === null ? {} : { endpoint }),
      ...(region === null ? {} : { region }),
      forcePathStyle: isPathStyle,
      // Objects have the checksums that are given here; servers that are older than these defaults refuse them.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // It would cost a round trip for each object.
      expectContinueHeader: false,
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent(agent),
      },
    });
    return { sdk, client };
  }
}

/** A failure as callers of the store get it: STORAGE_UNAVAILABLE, INSUFFICIENT_STORAGE, or a HashFailure. */
export function unavailable(error: unknown): Error {
  if (error instanceof ServiceError || error instanceof HashFailure) return error;
  const code = codeOf(error);
  if (statusOf(error) === 507) {
    return new ServiceError('INSUFFICIENT_STORAGE', `The storage has no space left (${code})`, { cause: error });
  }
  return new ServiceError('STORAGE_UNAVAILABLE', `The storage did not answer as expected (${code})`, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  return (error as Partial<S3ServiceException>).$metadata?.httpStatusCode;
}

function isMissing(error: unknown): boolean {
  // A missing bucket is a fault, not a missing object.
  return statusOf(error) === 404 && (error as Error).name !== 'NoSuchBucket';
}

function base64(crc32: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32);
  return bytes.toString('base64');
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`The answer of the storage has no ${name}`);
  return value;
}
