import { BatchError } from '../errors/index.js';
import { type Compressed, decompress } from './decompression.js';
import type { TextEncoding } from './text-encoding.js';
import { createTranscoder } from './transcoder.js';

/**
 * The beginning of what a compressed file holds, by the beginning of the file: at most `bytes`, less where `head` gives
 * no more. Empty where it cannot be decompressed at all. Costs no more than a few times `bytes` of memory and time,
 * whatever the file.
 */
export async function decompressedHead(head: Buffer, compression: Compressed, bytes: number): Promise<Buffer> {
  const decompression = decompress(once(head), compression);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    while (size < bytes) {
      const { done, value } = await decompression.next();
      if (done === true) break;
      chunks.push(value);
      size += value.length;
    }
  } catch (error) {
    // The head is cut off, and so ends in an error; whether the file does too is found when it is read.
    if (!(error instanceof BatchError)) throw error;
  } finally {
    decompression.close();
  }
  return Buffer.concat(chunks, Math.min(size, bytes));
}

async function* once(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}

/** The beginning of a text file in UTF-8. */
export function textHead(head: Buffer, encoding: TextEncoding): Buffer {
  return encoding === 'utf-8' ? head : createTranscoder(encoding).push(head);
}
