import { openAsBlob } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ReadableStream } from 'node:stream/web';
import { type Answer, answerOf } from '../connection.js';
import type { UploadSource } from '../upload-source.js';
import { encodeForm } from './multipart.js';
import type { FormUpload, Platform } from './platform.js';

/** Large enough that the cost per chunk vanishes, small enough that nobody notices the memory. */
const CHUNK_BYTES = 256 * 1024;

/** Reads files by their paths, and sends whatever it is with constant memory. */
export const nodePlatform: Platform = { openPath, sendForm };

/**
 * Throws the system's error (ENOENT, EACCES, EISDIR) if a path cannot be read. A path that is not a regular file (a pipe,
 * a device) is a stream: without a size, readable once.
 */
async function openPath(path: string, filename = basename(path)): Promise<UploadSource> {
  const info = await stat(path);
  if (info.isDirectory()) {
    throw Object.assign(new Error(`EISDIR: ${path} is a directory`), { code: 'EISDIR', path });
  }
  if (!info.isFile()) return { filename, size: null, replayable: false, chunks: () => fileChunks(path, null) };
  return {
    filename,
    size: info.size,
    replayable: true,
    chunks: () => fileChunks(path, info.size),
    blob: () => openAsBlob(path),
  };
}

/** At most `size` bytes: what is appended while it is read does not belong to the upload. */
async function* fileChunks(path: string, size: number | null): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path);
  try {
    for (let left = size ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left)) });
      if (bytesRead === 0) return;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function sendForm({ baseUrl, path, headers, fields, source, signal, onProgress }: FormUpload): Promise<Answer> {
  const attempt: Attempt = { over: false };
  const form = encodeForm(
    fields,
    { field: 'file', filename: source.filename, size: source.size, content: source.chunks() },
    (bytesSent) => onProgress?.({ bytesSent, bytesTotal: source.size }),
  );
  // Made here, because a TypeError of fetch would pass for a broken connection.
  const allHeaders = new Headers({
    ...headers,
    'content-type': form.contentType,
    // Without it fetch sends chunks, and the server cannot refuse a large file before it has read it.
    ...(form.contentLength === null ? {} : { 'content-length': String(form.contentLength) }),
  });
  try {
    return await answerOf(baseUrl, () =>
      fetch(baseUrl + path, {
        method: 'POST',
        headers: allHeaders,
        body: ReadableStream.from(during(attempt, form.chunks)),
        duplex: 'half',
        // Without both of these, fetch keeps a second copy of the body, all of it, for a redirect or a login to come.
        redirect: 'error',
        window: null,
        signal,
      }),
    );
  } catch (error) {
    throw 'failure' in attempt ? attempt.failure : error;
  } finally {
    attempt.over = true;
    // Closes the file. Not awaited, since a stalled stream may never return; what it says no longer matters.
    form.chunks.return().catch(() => undefined);
  }
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
