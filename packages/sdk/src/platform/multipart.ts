import { randomBytes } from 'node:crypto';
import { UploadSizeError } from '../errors.js';

export interface FormFile {
  /** The form field. */
  field: string;
  filename: string;
  /** In bytes; null if it is unknown before the end. */
  size: number | null;
  content: AsyncIterable<Uint8Array>;
}

export interface EncodedForm {
  contentType: string;
  /** Size of the whole body in bytes; null if the file's size is unknown. */
  contentLength: number | null;
  /** The body; holds one chunk at a time. Throws UploadSizeError if the file does not have its stated size. */
  chunks: AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * multipart/form-data (RFC 7578) with the fields before the file, so that a server can judge them before it has read
 * the file. `onSent` is told the file's bytes handed to the connection so far.
 */
export function encodeForm(
  fields: ReadonlyArray<readonly [name: string, value: string]>,
  file: FormFile,
  onSent: (bytes: number) => void = () => undefined,
): EncodedForm {
  const boundary = `batch-${randomBytes(18).toString('hex')}`;
  const head = Buffer.from(
    fields
      .map(
        ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}\r\n\r\n${value}\r\n`,
      )
      .join('') +
      `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(file.field)}; filename=${quoted(file.filename)}\r\n` +
      'Content-Type: application/octet-stream\r\n\r\n',
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    contentLength: file.size === null ? null : head.length + file.size + tail.length,
    chunks: body(head, file, tail, onSent),
  };
}

async function* body(
  head: Uint8Array,
  file: FormFile,
  tail: Uint8Array,
  onSent: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield head;
  let sent = 0;
  onSent(sent);
  for await (const chunk of file.content) {
    if (chunk.length === 0) continue;
    if (file.size !== null && sent + chunk.length > file.size) {
      throw new UploadSizeError(file.filename, file.size, sent + chunk.length);
    }
    yield chunk;
    sent += chunk.length;
    onSent(sent);
  }
  if (file.size !== null && sent !== file.size) throw new UploadSizeError(file.filename, file.size, sent);
  yield tail;
}

/**
 * A parameter's value as browsers write it (WHATWG HTML, multipart/form-data): UTF-8, with %22, %0D and %0A for what
 * would end it. Backslashes are doubled, since many parsers take one for an escape; the remaining control characters,
 * which a header cannot carry, are percent-encoded too.
 */
function quoted(text: string): string {
  return `"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '%22')
    .replace(/\p{Cc}/gu, encodeURIComponent)}"`;
}
