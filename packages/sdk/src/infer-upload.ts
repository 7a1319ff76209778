import { type FieldTable, fieldsOf, formOf } from './form-fields.js';
import { TEXT_FIELDS, type TextOptions } from './text-options.js';
import type { FormatOption, InferForm } from './types.js';
import { MAX_STREAM_BYTES, type UploadContent, type UploadSource } from './upload-source.js';

/** Number of bytes of a text file that are sent: the service reads no more. */
const SAMPLE_BYTES = 8 * 1024 ** 2;
/** The first bytes of formats whose metadata is at the end: such a file is sent whole. null: its beginning is enough. */
const MAGIC: Readonly<Record<Exclude<FormatOption, 'auto'>, string | null>> = {
  csv: null,
  json: null,
  ndjson: null,
  parquet: 'PAR1',
};

/** A file to infer a schema from, and how to read it. An option that is not given has the contract's default. */
export interface InferUpload extends TextOptions {
  /** Only the first 8 MiB are sent, but all of a Parquet file; a stream of Parquet may have up to 1 GiB. */
  file: UploadContent;
  /** Format of the file. Default: `auto`, detected from its first bytes. */
  format?: InferForm['format'] | undefined;
  /** Maximum number of rows to sample, 1 to 100 000. */
  sampleRows?: number | undefined;
}

/** All but `partial`, which depends on how much of the file is sent. */
const INFER_FIELDS: FieldTable<Omit<InferForm, 'partial'>, InferUpload> = {
  format: 'format',
  ...TEXT_FIELDS,
  sample_rows: 'sampleRows',
};

/** What is sent of a file. */
interface Sent {
  content: Blob;
  isWhole: boolean;
}

/**
 * The form, with the beginning of the file, or the whole of a Parquet file; `bytes` is how much of it is sent. Throws
 * what reading the file throws, RangeError if a stream of Parquet is too large.
 */
export async function inferForm(upload: InferUpload, source: UploadSource): Promise<{ form: FormData; bytes: number }> {
  const { content, isWhole } = await contentOf(upload.format, source);
  const form = formOf(fieldsOf<InferUpload>(INFER_FIELDS, upload));
  if (!isWhole) form.set('partial', 'true');
  form.set('file', content, source.filename);
  return { form, bytes: content.size };
}

async function contentOf(format: InferUpload['format'], source: UploadSource): Promise<Sent> {
  let taken: Array<Blob | Uint8Array<ArrayBuffer>> = [];
  let size = 0;
  let mustBeWhole: boolean | undefined;
  for await (const chunk of source.chunks()) {
    taken.push(new Uint8Array(chunk));
    size += chunk.length;
    if (size <= SAMPLE_BYTES) continue;
    if (mustBeWhole === undefined) {
      const sample = new Blob(taken);
      taken = [sample];
      mustBeWhole = isBinary(format) || (await beginsWithMagic(sample));
    }
    if (!mustBeWhole) return { content: new Blob(taken).slice(0, SAMPLE_BYTES), isWhole: false };
    if (source.blob) return { content: await source.blob(), isWhole: true };
    if (size > MAX_STREAM_BYTES) throw new RangeError(`a stream of Parquet has more than ${MAX_STREAM_BYTES} bytes`);
  }
  return { content: new Blob(taken), isWhole: true };
}

function isBinary(format: InferUpload['format'] = 'auto'): boolean {
  return format !== 'auto' && MAGIC[format] !== null;
}

async function beginsWithMagic(content: Blob): Promise<boolean> {
  const magics = Object.values(MAGIC).filter((magic) => magic !== null);
  const heads = await Promise.all(magics.map(({ length }) => content.slice(0, length).text()));
  return magics.some((magic, index) => heads[index] === magic);
}
