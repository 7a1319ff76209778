import { setTimeout as sleep } from 'node:timers/promises';
import type { FileCompression } from '../../decoding/index.js';
import { ServiceError } from '../../errors/index.js';
import { inspectHead, readHead } from '../../ingest/index.js';
import { filenameOf, type JobSource, MIN_LOCAL_AGE_MS, parseSourceUri, type Sources } from '../../sources/index.js';

/** A file for a new job: one that was uploaded (ReceivedUpload), or one that is read where it lies. */
export interface GivenFile {
  /** To show. */
  readonly filename: string;
  readonly sizeBytes: number;
  /** In hex; null: it is not known. */
  readonly sha256: string | null;
  readonly fileCompression: FileCompression;
  /** The first 64 KiB of what the file holds, decompressed. */
  readonly head: Buffer;
  /** null: it was uploaded. */
  readonly source: JobSource | null;
  /** The key that the file keeps; null: it takes the one that `keep` is given. */
  readonly fileKey: string | null;
  /** Makes the file durable under the key. */
  keep(key: string): Promise<void>;
  /** From here on the file is the job's. */
  handOver(): void;
}

/** As `openGivenSource`, for somebody who waits for the answer: a local file that was just written gets 2 s to be complete. */
export async function openSettledSource(sources: Sources, uri: string): Promise<GivenFile> {
  try {
    return await openGivenSource(sources, uri);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'SOURCE_CHANGED' || !/^file:/i.test(uri)) throw error;
    await sleep(MIN_LOCAL_AGE_MS);
    return openGivenSource(sources, uri);
  }
}

/** Looks at a file where it lies, for a job that reads it there. Throws as `Sources.find`; READ_ERROR, UNSUPPORTED_FILE_TYPE. */
export async function openGivenSource(sources: Sources, uri: string): Promise<GivenFile> {
  const source = await sources.find(uri);
  const { sizeBytes } = source;
  const { fileCompression, head, failure } = await inspectHead(await headOf(sources, source));
  if (sizeBytes === 0) throw new ServiceError('READ_ERROR', `${source.uri} is empty`);
  if (head.length === 0 && failure !== null) {
    throw new ServiceError('READ_ERROR', `${source.uri} cannot be decompressed: ${failure.message}`, {
      cause: failure,
    });
  }
  return {
    ...{ filename: filenameOf(parseSourceUri(source.uri)), sizeBytes, sha256: null, fileCompression, head, source },
    fileKey: null,
    // It stays where it is, whatever becomes of the job.
    keep: async () => undefined,
    handOver: () => undefined,
  };
}

async function headOf(sources: Sources, source: JobSource): Promise<Buffer> {
  try {
    const file = await sources.open(source);
    try {
      return await readHead(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    const { code, name } = error as NodeJS.ErrnoException;
    throw new ServiceError('SOURCE_UNAVAILABLE', `${source.uri} could not be read (${code ?? name})`, { cause: error });
  }
}
