import { ReadableStream } from 'node:stream/web';
import { encodeForm } from './multipart.js';
import { type TextOptions, textFields } from './text-options.js';
import type { FormatOption, Job } from './types.js';
import type { UploadContent, UploadSource } from './upload-source.js';

/** A file to ingest and how to read it; what is not given has the contract's default. */
export type JobUpload = JobSettings & (NewFile | KeptFile);

export interface NewFile {
  /** A path, or the bytes. Only an upload from a path can be repeated when the connection breaks. */
  file: UploadContent;
  /** Shown with the job. Default: the path's last part, `stream` where there is none. */
  filename?: string | undefined;
  /** Of a stream, in bytes, where it is known: the server can then refuse a large file at once. */
  sizeBytes?: number | undefined;
  fromJob?: undefined;
}

export interface KeptFile {
  /** An ended job, whose kept file is taken; nothing else of that job is. */
  fromJob: string;
  file?: undefined;
}

export interface JobSettings extends TextOptions {
  modelId: string;
  format?: FormatOption | undefined;
  /** What an accepted row becomes in its topic: its own bytes, or a JSON object typed by the model. */
  valueFormat?: Job['options']['value_format'] | undefined;
  /** Of the record batches in the job's topics. */
  compression?: Job['options']['compression'] | undefined;
  /** Renames columns: the model's name of a column by the file's name for it. */
  rename?: Readonly<Record<string, string>> | undefined;
  /** What is done to the texts of columns before they are checked, by the model's names; needs `valueFormat: 'json'`. */
  normalize?: Readonly<Record<string, ReadonlyArray<Job['options']['normalize'][string][number]>>> | undefined;
  /** `reference` takes the slow reader that the fast one is checked against. */
  csvReader?: Job['options']['csv_reader'] | undefined;
  /** Kept with the job. */
  metadata?: Readonly<Record<string, string>> | undefined;
}

export interface UploadProgress {
  bytesSent: number;
  /** null where the size is unknown. */
  bytesTotal: number | null;
}

/** The options as form fields, in the contract's spelling. */
export function formFields(upload: JobUpload): Array<readonly [string, string]> {
  const fields: Array<readonly [string, string | undefined]> = [
    ['model_id', upload.modelId],
    ['from_job', upload.fromJob],
    ['format', upload.format],
    ...textFields(upload),
    ['value_format', upload.valueFormat],
    ['compression', upload.compression],
    ['rename', upload.rename === undefined ? undefined : JSON.stringify(upload.rename)],
    ['normalize', upload.normalize === undefined ? undefined : JSON.stringify(upload.normalize)],
    ['csv_reader', upload.csvReader],
    ...Object.entries(upload.metadata ?? {}).map(([key, value]) => [`metadata.${key}`, value] as const),
  ];
  return fields.filter((field): field is readonly [string, string] => field[1] !== undefined);
}

/** One attempt to send the file, with constant memory. Throws what reading the file threw. */
export async function sendUpload(
  url: string,
  headers: Record<string, string>,
  upload: JobUpload,
  source: UploadSource,
  options: { signal: AbortSignal; onProgress?: ((progress: UploadProgress) => void) | undefined },
): Promise<{ data?: Job | undefined; error?: unknown; response: Response }> {
  const attempt: Attempt = { over: false };
  const form = encodeForm(
    formFields(upload),
    { field: 'file', filename: source.filename, size: source.size, content: source.chunks() },
    (bytesSent) => options.onProgress?.({ bytesSent, bytesTotal: source.size }),
  );
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': form.contentType,
        // Without it fetch sends chunks, and the server cannot refuse a large file before it has read it.
        ...(form.contentLength === null ? {} : { 'content-length': String(form.contentLength) }),
      },
      body: ReadableStream.from(during(attempt, form.chunks)),
      duplex: 'half',
      // Without both of these, fetch keeps a second copy of the body, all of it, for a redirect or a login to come.
      redirect: 'error',
      window: null,
      signal: options.signal,
    });
    const body = parseJson(await response.text());
    return response.ok && isJob(body) ? { data: body, response } : { error: body, response };
  } catch (error) {
    throw 'failure' in attempt ? attempt.failure : error;
  } finally {
    attempt.over = true;
    // Closes the file. Not awaited, since a stalled stream may never return; what it says no longer matters.
    form.chunks.return().catch(() => undefined);
  }
}

/** Asks for a job with the file that another one keeps. */
export async function sendFromJob(
  url: string,
  headers: Record<string, string>,
  upload: JobUpload,
  signal: AbortSignal,
): Promise<{ data?: Job | undefined; error?: unknown; response: Response }> {
  const form = new FormData();
  for (const [name, value] of formFields(upload)) form.set(name, value);
  const response = await fetch(url, { method: 'POST', headers, body: form, redirect: 'error', signal });
  const body = parseJson(await response.text());
  return response.ok && isJob(body) ? { data: body, response } : { error: body, response };
}

interface Attempt {
  over: boolean;
  /** Why the body broke, which fetch hides. */
  failure?: unknown;
}

/** The body as long as the attempt lasts: fetch itself goes on reading after an early answer or an abort. */
async function* during(
  attempt: Attempt,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of chunks) {
      if (attempt.over) break;
      yield chunk;
    }
  } catch (error) {
    attempt.failure = error;
    throw error;
  }
  // A chunked body that just ended here would pass for a complete one.
  if (attempt.over) throw new Error('the attempt is over');
}

function isJob(body: unknown): body is Job {
  return typeof body === 'object' && body !== null && 'job_id' in body;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: not an answer of Batch, which the caller reports.
    return null;
  }
}
