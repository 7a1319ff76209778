import type { InferForm } from './types.js';
import { openSource, type UploadContent } from './upload-source.js';

/** So much of a file is sent, in bytes: what the service looks at. */
const SAMPLE_BYTES = 8 * 1024 ** 2;

/** A file to propose a schema for, and how to read it; what is not given has the contract's default. */
export interface InferUpload {
  /** A path, or the bytes. No more than the first 8 MiB are read. */
  file: UploadContent;
  format?: InferForm['format'] | undefined;
  encoding?: InferForm['encoding'] | undefined;
  delimiter?: string | undefined;
  quote?: string | undefined;
  escape?: string | undefined;
  comment?: string | undefined;
  /** So many lines before the header are not looked at. */
  skipLines?: number | undefined;
  /** Whether blanks around fields are left out of their values. */
  trim?: boolean | undefined;
  /** Whether the first line names the columns. */
  header?: boolean | undefined;
  /** Spellings of null beside the empty field, none with a comma in it. */
  nullValues?: readonly string[] | undefined;
  /** At most so many rows are looked at, 1 to 100 000. */
  sampleRows?: number | undefined;
}

/** The form, with the beginning of the file. Throws the system's error where the file cannot be read. */
export async function inferForm(upload: InferUpload): Promise<FormData> {
  const source = await openSource(upload.file);
  const { bytes, isWhole } = await beginningOf(source.chunks());
  const form = new FormData();
  const options: Partial<Record<keyof InferForm, unknown>> = {
    format: upload.format,
    encoding: upload.encoding,
    delimiter: upload.delimiter,
    quote: upload.quote,
    escape: upload.escape,
    comment: upload.comment,
    skip_lines: upload.skipLines,
    trim: upload.trim,
    header: upload.header,
    null_values: upload.nullValues?.join(','),
    sample_rows: upload.sampleRows,
    partial: isWhole ? undefined : true,
  };
  for (const [name, value] of Object.entries(options)) if (value !== undefined) form.set(name, String(value));
  form.set('file', new Blob([bytes]), source.filename);
  return form;
}

async function beginningOf(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; isWhole: boolean }> {
  const taken: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    taken.push(chunk);
    size += chunk.length;
    if (size > SAMPLE_BYTES) break;
  }
  const bytes = new Uint8Array(Buffer.concat(taken, Math.min(size, SAMPLE_BYTES)));
  return { bytes, isWhole: size <= SAMPLE_BYTES };
}
