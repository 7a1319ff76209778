import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { ServiceError } from '../errors/index.js';
import { FORM_LIMITS } from './multer-error.js';

/** A field, its header, and what else may be in the chunks of 64 KiB that they come in. */
const MAX_BETWEEN_BYTES = FORM_LIMITS.fieldSize + 16 * 1024 + 2 * 64 * 1024;

/**
 * Calls `refuse` once when more bytes than a field may have come outside of the file since the last part ended: the
 * parser cuts a field off at its limit, but reads it to its end before it says so. What follows the file counts from
 * when the file was taken from the parser.
 */
export function watchFields(request: IncomingMessage, parser: Writable, refuse: (error: ServiceError) => void): void {
  let between = 0;
  let isFile = false;
  const count = (chunk: Buffer): void => {
    if (isFile) return;
    between += chunk.length;
    if (between <= MAX_BETWEEN_BYTES) return;
    request.off('data', count);
    refuse(
      new ServiceError(
        'INVALID_OPTION',
        `A form field is longer than ${FORM_LIMITS.fieldSize} bytes (the file needs a file name: curl -F file=@data.csv)`,
      ),
    );
  };
  const end = (): void => {
    between = 0;
    isFile = false;
  };
  parser.on('field', end);
  parser.on('file', (_name: unknown, stream: Readable, { filename }: { filename?: string }) => {
    if (!filename) return; // a part that is skipped
    isFile = true;
    stream.once('end', end);
  });
  request.on('data', count);
}
