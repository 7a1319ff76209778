import type { FileCompression, TextEncoding } from '../decoding/index.js';
import type { CsvDialect } from './csv-dialect.js';
import { sniffDelimiter } from './detect/delimiter.js';
import { binaryFormat, detectFormat } from './detect/format.js';
import { refuseBinary } from './detect/inspect-head.js';
import { readTextHead, refuseNul } from './detect/text-head.js';
import { type FileFormat, FORMATS } from './formats.js';
import type { JobRequest } from './options/job-request.js';

/**
 * What a file is by its beginning, `head`, and how its text is written. Throws UNSUPPORTED_FILE_TYPE if it is something
 * else than was asked for, JSON that holds no rows, or does not look like text and nobody says that it is;
 * INVALID_OPTION if its encoding is not what was asked for.
 */
export function inspectFile(
  { head, fileCompression }: { head: Buffer; fileCompression: FileCompression },
  request: Pick<JobRequest, 'format' | 'encoding'>,
): { format: FileFormat; encoding: TextEncoding | null; text: Buffer } {
  const isBinary = request.format !== 'auto' && FORMATS[request.format].magic !== null;
  if (isBinary || binaryFormat(head) !== null) {
    return { format: detectFormat(head, request.format), encoding: null, text: head };
  }
  if (request.format === 'auto') refuseBinary({ head, fileCompression });
  const { encoding, text } = readTextHead(head, request.encoding);
  if (request.format === 'auto') refuseNul(text);
  return { format: detectFormat(text, request.format), encoding, text };
}

/** Found out once, here: a runner that starts over must not find anything else. `names`: of columns that may be there. */
export function knownDialect(asked: CsvDialect, text: Buffer, names: readonly string[]): CsvDialect {
  if (asked.delimiter !== 'auto') return asked;
  return { ...asked, delimiter: sniffDelimiter(text, asked, names) };
}
