import { compressionOf, decompressedHead, type FileCompression } from '../../decoding/index.js';
import { ServiceError } from '../../errors/index.js';
import { FORMATS, formatsWith } from '../formats.js';
import { binaryFormat, binaryType, firstLine, HEAD_BYTES, unsupportedType } from './format.js';
import { markupType } from './markup.js';

/** What a file's beginning says. */
export interface InspectedHead {
  fileCompression: FileCompression;
  /** The first 64 KiB of what the file holds, decompressed. */
  head: Buffer;
  /** Why there is no more of it, if the stored beginning is the whole file. */
  failure: ServiceError | null;
}

/**
 * What a file is, by its beginning (see FileHead). What that holds is decompressed here and not in a runner, because the
 * answer to the upload depends on it; the work is bounded by its size. Throws UNSUPPORTED_FILE_TYPE for what we never
 * take.
 */
export async function inspectHead(stored: Buffer): Promise<InspectedHead> {
  const fileCompression = compressionOf(stored);
  if (fileCompression === 'none') {
    refuseUnsupported(stored, '');
    return { fileCompression, head: stored, failure: null };
  }
  const { bytes: inner, failure } = await decompressedHead(stored, fileCompression, HEAD_BYTES);
  if (compressionOf(inner) !== 'none') throw unsupported(`${compressionOf(inner)} within ${fileCompression}`);
  // Such a file is read from its end, and packed in itself anyway.
  const binary = binaryFormat(inner);
  if (binary !== null) throw unsupported(`${FORMATS[binary].label} (in ${fileCompression}; unpack it before)`);
  refuseUnsupported(inner, ` (in ${fileCompression})`);
  return { fileCompression, head: inner, failure };
}

/** Throws UNSUPPORTED_FILE_TYPE for a file whose head is not text, unless an option says that it is. */
export function refuseBinary({ fileCompression, head }: Pick<InspectedHead, 'fileCompression' | 'head'>): void {
  const type = binaryType(head);
  if (type !== null) throw unsupported(fileCompression === 'none' ? type : `${type} (in ${fileCompression})`);
}

/** Throws UNSUPPORTED_FILE_TYPE for text that is HTML or XML. */
export function refuseMarkup(text: Buffer): void {
  const type = markupType(firstLine(text));
  if (type !== null) throw unsupported(type, '; if it is CSV, send format=csv');
}

function refuseUnsupported(head: Buffer, where: string): void {
  const type = unsupportedType(head);
  if (type !== null) throw unsupported(`${type}${where}`);
}

function unsupported(type: string, otherwise = ''): ServiceError {
  const [binary, text] = [labels(({ magic }) => magic !== null), labels(({ magic }) => magic === null)];
  return new ServiceError(
    'UNSUPPORTED_FILE_TYPE',
    `The file looks like ${type}; ${binary}, and ${text} text as it is or compressed by gzip or zstd, are supported${otherwise}`,
  );
}

function labels(...[holds]: Parameters<typeof formatsWith>): string {
  const names = formatsWith(holds).map((format) => FORMATS[format].label);
  return new Intl.ListFormat('en-GB').format(names);
}
