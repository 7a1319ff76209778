import { createHash } from 'node:crypto';
import type { ReadableFile } from '../decoding/index.js';
import { type ErrorCode, ServiceError } from '../errors/index.js';
import { type Expectation, unexpected } from '../ingest/index.js';

const READ_BYTES = 1024 ** 2;

export interface ExpectedFile {
  options: { expect: Expectation };
  sizeBytes: number;
  /** In hex; null: it is not known, and found out if it is needed. */
  sha256: string | null;
}

/**
 * Compares size and SHA-256 of a file with what is expected of them; the hash takes a pass over the whole file, because a
 * half-done one could not be kept between two runs. null: nothing differs, or the signal has ended the pass.
 */
export async function checkExpectation(
  { options: { expect }, sizeBytes, sha256 }: ExpectedFile,
  file: ReadableFile & { readonly failure: ServiceError | null },
  signal: AbortSignal,
): Promise<{ code: ErrorCode; detail: string } | null> {
  const atOnce = unexpected(expect, { bytes: sizeBytes, ...(sha256 === null ? {} : { sha256 }) });
  if (atOnce !== null) return { code: 'EXPECTATION_FAILED', detail: atOnce };
  if (expect.sha256 === undefined || sha256 !== null) return null;
  try {
    const found = await hashOf(file, signal);
    const detail = found === null ? null : unexpected(expect, { sha256: found });
    return detail === null ? null : { code: 'EXPECTATION_FAILED', detail };
  } catch (error) {
    const cause = file.failure ?? error;
    if (cause instanceof ServiceError) return { code: cause.code, detail: cause.message };
    throw cause;
  }
}

async function hashOf(file: ReadableFile, signal: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256');
  const { promise: ended, resolve } = Promise.withResolvers<null>();
  signal.addEventListener('abort', () => resolve(null), { once: true });
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let position = 0; !signal.aborted; ) {
    // A read may hang for long; whoever closes the file ends it.
    const read = await Promise.race([file.read(buffer, 0, buffer.length, position), ended]);
    if (read === null) break;
    const { bytesRead } = read;
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return null;
}
