import { chunksOf } from '../chunks.js';
import { type Answer, answerOf } from '../connection.js';
import { BatchConnectionError, UploadSizeError } from '../errors.js';
import { formOf } from '../form-fields.js';
import { MAX_STREAM_BYTES, type UploadSource } from '../upload-source.js';
import type { FormUpload, Platform } from './platform.js';

/** For browsers, and every other platform with `fetch` and without file paths. */
export const browserPlatform: Platform = {
  openPath: async (path) => {
    throw new TypeError(`'${path}' is a path, which only Node.js can read: pass a File or another Blob`);
  },
  sendForm,
};

async function sendForm(upload: FormUpload): Promise<Answer> {
  const { baseUrl, headers, fields, source, signal, onProgress } = upload;
  const file = await (source.blob?.() ?? unlessAborted(signal, collect(source, signal)));
  const form = formOf(fields);
  form.set('file', file, source.filename);
  const url = baseUrl + upload.path;
  signal.throwIfAborted();
  onProgress?.({ bytesSent: 0, bytesTotal: file.size });
  try {
    const { XMLHttpRequest: Xhr } = globalThis as { XMLHttpRequest?: new () => FormRequest };
    if (Xhr) return await answerOf(baseUrl, () => sendByXhr(new Xhr(), url, upload, form, file.size));
    // In a service worker, or on a server that is not Node.js.
    const request = new Request(url, { method: 'POST', headers, body: form, redirect: 'error', signal });
    const answer = await answerOf(baseUrl, () => fetch(request));
    onProgress?.({ bytesSent: file.size, bytesTotal: file.size });
    return answer;
  } catch (error) {
    if (error instanceof BatchConnectionError) await requireReadable(file, source.filename);
    throw error;
  }
}

/** A file that changed since it was chosen breaks a request as the network does: throws Error if that is what it was. */
async function requireReadable(file: Blob, filename: string): Promise<void> {
  try {
    for await (const _chunk of chunksOf(file.stream())) break;
  } catch (cause) {
    throw new Error(`${filename} cannot be read: it changed since it was chosen, or is gone`, { cause });
  }
}

/** A stream as a Blob, which the browser may keep on its disk. Throws UploadSizeError, or RangeError beyond 1 GiB. */
async function collect({ filename, size, chunks }: UploadSource, signal: AbortSignal): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of chunks()) {
    signal.throwIfAborted();
    bytes += chunk.length;
    if (bytes > MAX_STREAM_BYTES) throw new RangeError(`a stream has more than ${MAX_STREAM_BYTES} bytes: pass a Blob`);
    if (size !== null && bytes > size) break;
    parts.push(new Uint8Array(chunk));
  }
  if (size !== null && bytes !== size) throw new UploadSizeError(filename, size, bytes);
  return new Blob(parts);
}

/** What `work` comes to, or the signal's reason at once: a stream may stall. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

/**
 * What is used of XMLHttpRequest, which tells how much of a body is sent: fetch does not. Written down so that this
 * compiles without the types of browsers, too.
 */
interface FormRequest {
  readonly upload: { onprogress: ((event: { loaded: number; total: number }) => void) | null };
  readonly status: number;
  readonly statusText: string;
  readonly responseText: string;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  getAllResponseHeaders(): string;
  send(body: FormData): void;
  abort(): void;
}

async function sendByXhr(
  xhr: FormRequest,
  url: string,
  { headers, signal, onProgress }: FormUpload,
  form: FormData,
  size: number,
): Promise<Response> {
  const abort = () => xhr.abort();
  try {
    return await new Promise((resolve, reject) => {
      xhr.open('POST', url);
      for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
      xhr.upload.onprogress = ({ loaded, total }) => {
        // The fields come before the file, and so does what they take of the bytes.
        onProgress?.({ bytesSent: Math.min(size, Math.max(0, loaded - (total - size))), bytesTotal: size });
      };
      xhr.onload = () => resolve(responseOf(xhr));
      xhr.onerror = () => reject(new TypeError('the request failed'));
      xhr.onabort = () => reject(signal.reason);
      signal.addEventListener('abort', abort);
      xhr.send(form);
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function responseOf(xhr: FormRequest): Response {
  const headers = new Headers();
  for (const line of xhr.getAllResponseHeaders().split('\r\n')) {
    const at = line.indexOf(':');
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 1).trim());
  }
  const { status, statusText, responseText } = xhr;
  // A Response with one of these has no body.
  const body = [204, 205, 304].includes(status) ? null : responseText;
  return new Response(body, { status, statusText, headers });
}
