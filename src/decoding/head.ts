import { ServiceError } from '../errors/index.js';
import { type Compressed, decompress } from './decompression.js';
import type { TextEncoding } from './text-encoding.js';
import { createTranscoder } from './transcoder.js';

/** The beginning of what a compressed file holds. */
export interface DecompressedHead {
  bytes: Buffer;
  /** What kept more from being decompressed; with the beginning of a longer file that is the end of the beginning. */
  failure: ServiceError | null;
}

/**
 * By the beginning of the file: at most `bytes`, less if `head` gives no more. Costs no more than a few times `bytes`
 * of memory and time, whatever the file.
 */
export async function decompressedHead(
  head: Buffer,
  compression: Compressed,
  bytes: number,
): Promise<DecompressedHead> {
  const decompression = decompress(once(head), compression);
  const chunks: Buffer[] = [];
  let size = 0;
  let failure: ServiceError | null = null;
  try {
    while (size < bytes) {
      const { done, value } = await decompression.next();
      if (done === true) break;
      chunks.push(value);
      size += value.length;
    }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    failure = error;
  } finally {
    decompression.close();
  }
  return { bytes: Buffer.concat(chunks, Math.min(size, bytes)), failure };
}

async function* once(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}

/** The beginning of a text file in UTF-8. */
export function textHead(head: Buffer, encoding: TextEncoding): Buffer {
  return encoding === 'utf-8' ? head : createTranscoder(encoding).push(head);
}
