import type { Readable } from 'node:stream';
import { ServiceError } from '../../errors/index.js';
import { FileGoneError, type OpenFile } from '../file-store.js';
import { codeOf, RangedFile, type RangeFetcher } from '../ranged-file.js';
import { type Manifest, partKey, readManifest, type S3Location } from './manifest.js';
import { ObjectMissingError, S3Objects } from './s3-objects.js';
import type { S3Settings } from './s3-settings.js';

/** A body may hang for ever: aws-sdk-js-v3 #8098. */
const IDLE_MS = 15_000;

/** One for each bucket: a process that opens file after file uses the same connections. */
const buckets = new Map<string, S3Objects>();

/**
 * Throws FileGoneError, or the SDK's error with its name as `code`. Reads of the file throw FILE_CORRUPT if a part is gone
 * or is not as long as it was, else the error of a range that failed repeatedly.
 */
export async function openS3File(location: S3Location, idleMs = IDLE_MS): Promise<OpenFile> {
  const objects = bucketOf(location.settings);
  if ('manifest' in location) return new RangedFile(new S3Parts(objects, location.manifest), idleMs);
  let text: string | null;
  try {
    text = await objects.text(location.key);
  } catch (error) {
    throw Object.assign(new Error('The storage did not answer as expected', { cause: error }), { code: codeOf(error) });
  }
  if (text === null) throw new FileGoneError(`There is no object ${location.key}`);
  return new RangedFile(new S3Parts(objects, readManifest(text)), idleMs);
}

function bucketOf(settings: S3Settings): S3Objects {
  const key = JSON.stringify(settings);
  const objects = buckets.get(key) ?? new S3Objects(settings);
  buckets.set(key, objects);
  return objects;
}

/** The objects of a stored file, each a piece of it. */
class S3Parts implements RangeFetcher {
  constructor(
    private readonly objects: S3Objects,
    private readonly manifest: Manifest,
  ) {}

  get sizeBytes(): number {
    return this.manifest.sizeBytes;
  }

  get pieceBytes(): number {
    return this.manifest.partBytes;
  }

  async fetch(from: number, to: number, signal: AbortSignal): Promise<Readable> {
    const { id, etags, partBytes, sizeBytes } = this.manifest;
    const part = Math.floor(from / partBytes);
    const start = part * partBytes;
    const size = Math.min(partBytes, sizeBytes - start);
    const { body, contentRange } = await this.objects
      .range(partKey(id, part), etags[part] ?? '', from - start, to - start, signal)
      .catch((error: unknown) => {
        throw error instanceof ObjectMissingError ? corrupt('a part of the stored file is gone', error) : error;
      });
    if (contentRange === `bytes ${from - start}-${to - start - 1}/${size}`) return body;
    body.destroy();
    if (contentRange?.startsWith(`bytes ${from - start}-`)) throw corrupt('a part of the stored file has another size');
    throw new Error(`Not the range that was asked for: ${contentRange}`);
  }
}

function corrupt(message: string, cause?: unknown): ServiceError {
  return new ServiceError('FILE_CORRUPT', message, { cause });
}
