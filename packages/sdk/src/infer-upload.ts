import { openAsBlob } from 'node:fs';
import { type TextOptions, textFields } from './text-options.js';
import type { InferForm } from './types.js';
import { openSource, type UploadContent, type UploadSource } from './upload-source.js';

/** So much of a text file is sent, in bytes: what the service looks at. */
const SAMPLE_BYTES = 8 * 1024 ** 2;
/** A Parquet file begins with it, and says at its end what it is: it is sent whole. */
const PARQUET_MAGIC = 'PAR1';
/** Of a Parquet file that is not read from a path: it is held in memory, and services take no more unless configured. */
const MAX_STREAM_BYTES = 1024 ** 3;

/** A file to propose a schema for, and how to read it; what is not given has the contract's default. */
export interface InferUpload extends TextOptions {
  /** A path, or the bytes. No more than the first 8 MiB are read; but Parquet is sent whole, up to 1 GiB of a stream. */
  file: UploadContent;
  format?: InferForm['format'] | undefined;
  /** At most so many rows are looked at, 1 to 100 000. */
  sampleRows?: number | undefined;
}

/** What is sent of a file. */
interface Sent {
  content: Blob;
  isWhole: boolean;
}

/**
 * The form, with the beginning of the file, or the whole of a Parquet file. Throws the system's error where the file
 * cannot be read, RangeError where a stream of Parquet is too large.
 */
export async function inferForm(upload: InferUpload): Promise<FormData> {
  const source = await openSource(upload.file);
  const { content, isWhole } = await contentOf(upload, source);
  const form = new FormData();
  const fields: ReadonlyArray<readonly [string, string | undefined]> = [
    ['format', upload.format],
    ...textFields(upload),
    ['sample_rows', upload.sampleRows?.toString()],
    ['partial', isWhole ? undefined : 'true'],
  ];
  for (const [name, value] of fields) if (value !== undefined) form.set(name, value);
  form.set('file', content, source.filename);
  return form;
}

async function contentOf({ file, format }: InferUpload, source: UploadSource): Promise<Sent> {
  let taken: Buffer<ArrayBuffer>[] = [];
  let size = 0;
  let isParquet: boolean | undefined;
  for await (const chunk of source.chunks()) {
    taken.push(Buffer.from(chunk));
    size += chunk.length;
    if (size <= SAMPLE_BYTES) continue;
    if (isParquet === undefined) {
      taken = [Buffer.concat(taken)];
      isParquet = format === 'parquet' || taken[0]?.toString('latin1', 0, PARQUET_MAGIC.length) === PARQUET_MAGIC;
    }
    if (!isParquet) return { content: new Blob(taken).slice(0, SAMPLE_BYTES), isWhole: false };
    if (source.replayable && typeof file === 'string') return { content: await openAsBlob(file), isWhole: true };
    if (size > MAX_STREAM_BYTES) throw new RangeError(`a stream of Parquet has more than ${MAX_STREAM_BYTES} bytes`);
  }
  return { content: new Blob(taken), isWhole: true };
}
