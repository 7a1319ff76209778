import type { TextEncoding } from '../decoding/index.js';
import type { CsvDialect } from './csv-dialect.js';
import { sniffDelimiter } from './detect/delimiter.js';
import { binaryFormat, detectFormat } from './detect/format.js';
import { type InspectedHead, refuseBinary, refuseMarkup } from './detect/inspect-head.js';
import { refuseNameOfOther } from './detect/name.js';
import { readTextHead, refuseNul } from './detect/text-head.js';
import { type FileFormat, FORMATS } from './formats.js';
import { impliedFormat } from './options/applicable-options.js';
import type { JobRequest } from './options/job-request.js';

/** A file of which its beginning is known. */
interface BegunFile extends Pick<InspectedHead, 'head' | 'fileCompression'> {
  filename: string;
}

/**
 * What a file is by its beginning, and how its text is written. Throws UNSUPPORTED_FILE_TYPE if it is something else than
 * was asked for, JSON that holds no rows, HTML or XML, or not text, and nobody says that it is to be read so; or if it is
 * taken for CSV and named otherwise. INVALID_OPTION if its encoding is not what was asked for.
 */
export function inspectFile(
  { head, fileCompression, filename }: BegunFile,
  request: Pick<JobRequest, 'format' | 'encoding' | 'given'>,
): { format: FileFormat; encoding: TextEncoding | null; text: Buffer } {
  const isBinary = request.format !== 'auto' && FORMATS[request.format].magic !== null;
  if (isBinary || binaryFormat(head) !== null) {
    return { format: detectFormat(head, request.format), encoding: null, text: head };
  }
  const isOpen = request.format === 'auto';
  if (isOpen) refuseBinary({ head, fileCompression });
  const { encoding, text } = readTextHead(head, request.encoding);
  if (isOpen) {
    refuseNul(text);
    refuseMarkup(text);
  }
  const impliesCsv = isOpen && impliedFormat(request.given) === 'csv';
  const format = detectFormat(text, request.format, impliesCsv);
  if (isOpen && format === 'csv' && !impliesCsv) refuseNameOfOther(filename, text);
  return { format, encoding, text };
}

/** Found out once, here: a runner that starts over must not find anything else. `names`: of columns that may be there. */
export function knownDialect(asked: CsvDialect, text: Buffer, names: readonly string[]): CsvDialect {
  if (asked.delimiter !== 'auto') return asked;
  return { ...asked, delimiter: sniffDelimiter(text, asked, names) };
}
