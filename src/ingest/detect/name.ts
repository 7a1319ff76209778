import { ServiceError } from '../../errors/index.js';
import { type FileFormat, FORMATS } from '../formats.js';
import { firstLine } from './format.js';

/** The formats that names tell, by their extensions. */
const EXTENSIONS: Readonly<Record<string, FileFormat>> = {
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  parquet: 'parquet',
};

/**
 * Throws UNSUPPORTED_FILE_TYPE if a file whose text is taken for CSV is named for another format. It is most likely neither:
 * cut off at its beginning, or a message of whoever should have sent it; and as CSV it might even be accepted.
 */
export function refuseNameOfOther(filename: string, text: Buffer): void {
  const [, extension = ''] = /\.([a-z]+)(?:\.(?:gz|zst|zstd))?$/i.exec(filename) ?? [];
  const named = EXTENSIONS[extension.toLowerCase()];
  if (named === undefined) return;
  const { label, magic } = FORMATS[named];
  const [first = ''] = firstLine(text);
  const seen = first === '' ? 'it has no text' : `its text begins with ${JSON.stringify(first)}`;
  const wanted = magic === null ? `is not that of ${label}` : `does not begin with ${magic}`;
  throw new ServiceError(
    'UNSUPPORTED_FILE_TYPE',
    `The file is named .${extension}, but its first line ${wanted}: ${seen}. Send format=csv if it is CSV${
      magic === null ? `, or format=${named} to have its rows read as ${label}` : ''
    }`,
  );
}
