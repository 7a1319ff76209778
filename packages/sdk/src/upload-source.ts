import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';

/** A path, or the bytes themselves: a Buffer, a Node stream, a web stream, a generator. */
export type UploadContent = string | Uint8Array | AsyncIterable<Uint8Array | string>;

export interface UploadSource {
  filename: string;
  /** In bytes; null where unknown. */
  size: number | null;
  /** Whether `chunks` can be called again for the same bytes. */
  replayable: boolean;
  chunks(): AsyncIterable<Uint8Array>;
}

/** Large enough that the cost per chunk vanishes, small enough that nobody notices the memory. */
const CHUNK_BYTES = 256 * 1024;

/**
 * What to send, looked at but not yet read. Throws the system's error (ENOENT, EACCES, EISDIR) where a path cannot
 * be read. A path that is not a regular file (a pipe, a device) is a stream: without a size, readable once.
 */
export async function openSource(
  content: UploadContent,
  options: { filename?: string | undefined; size?: number | undefined } = {},
): Promise<UploadSource> {
  if (isBytes(content)) {
    return {
      filename: options.filename ?? 'stream',
      size: content.byteLength,
      replayable: true,
      chunks: () => Readable.from([content]),
    };
  }
  if (typeof content !== 'string') {
    return {
      filename: options.filename ?? 'stream',
      size: options.size ?? null,
      replayable: false,
      chunks: () => bytesOf(content),
    };
  }
  const info = await stat(content);
  if (info.isDirectory()) {
    throw Object.assign(new Error(`EISDIR: ${content} is a directory`), { code: 'EISDIR', path: content });
  }
  const size = info.isFile() ? info.size : null;
  return {
    filename: options.filename ?? basename(content),
    size,
    replayable: info.isFile(),
    chunks: () => fileChunks(content, size),
  };
}

/** By shape, not class: the bytes may come from another realm. */
function isBytes(content: UploadContent): content is Uint8Array {
  return ArrayBuffer.isView(content);
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

async function* bytesOf(content: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of content) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}
