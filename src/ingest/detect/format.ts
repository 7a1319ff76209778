import { byteOrderMark, compressionOf, mayBeUtf16, type ReadableFile } from '../../decoding/index.js';
import { ServiceError } from '../../errors/index.js';
import { FILE_FORMATS, type FileFormat, FORMATS } from '../formats.js';
import { goesOn, jsonBeginning } from './json-beginning.js';

/** Number of bytes of the decompressed file that are read to detect its type. */
export const HEAD_BYTES = 64 * 1024;

/**
 * How much of a compressed file is kept for that: zstd gives nothing before the end of a block, which may have 128 KiB
 * compressed.
 */
export const STORED_HEAD_BYTES = 192 * 1024;

/**
 * The type of a file, from its first 64 KiB, if it is one that is never accepted: words for the user; null if it is of
 * a binary format that we read, or may be text.
 */
export function unsupportedType(head: Uint8Array): string | null {
  if (binaryFormat(head) !== null) return null;
  const known = SIGNATURES.find(({ magic, at }) => startsWith(head.subarray(at), magic));
  if (known !== undefined) return known.type;
  if (startsWith(head, ZIP)) {
    return isSpreadsheet(head)
      ? 'an Excel workbook (xlsx; save the sheet as CSV)'
      : 'a zip archive (unpack it, or send its file as .gz or .zst)';
  }
  return null;
}

/** Like the above, for files that are not text unless an option says so: those that have NUL bytes and are not UTF-16. */
export function binaryType(head: Uint8Array): string | null {
  if (binaryFormat(head) !== null || !head.includes(0)) return null;
  if (byteOrderMark(head)?.startsWith('utf-16') === true || mayBeUtf16(head)) return null;
  const known = BINARIES.find(({ magic }) => startsWith(head, magic));
  return known?.type ?? 'binary data (a NUL byte)';
}

/** The format that is not text and whose files begin like this; null if there is none. */
export function binaryFormat(head: Uint8Array): FileFormat | null {
  const known = FILE_FORMATS.find((format) => {
    const { magic } = FORMATS[format];
    return magic !== null && startsWith(head, [...Buffer.from(magic)]);
  });
  return known ?? null;
}

/**
 * The format to read a file as: the one that the client asked for, otherwise detected from its magic, or from its first line
 * (after a UTF-8 byte order mark and blanks): JSON if that is the beginning of JSON, otherwise CSV. `impliesCsv`: the client
 * said what only CSV has, so that only rows of JSON are JSON. Throws UNSUPPORTED_FILE_TYPE if it is not what was asked
 * for, or if it is JSON, but not rows.
 */
export function detectFormat(head: Uint8Array, asked: FileFormat | 'auto', impliesCsv = false): FileFormat {
  const binary = binaryFormat(head);
  if (binary !== null) {
    if (asked === 'auto' || asked === binary) return binary;
    throw new ServiceError('UNSUPPORTED_FILE_TYPE', `The file is ${FORMATS[binary].label}, not ${asked}`);
  }
  switch (asked) {
    case 'csv':
    case 'ndjson':
      return asked;
    case 'parquet': {
      const { magic, label } = FORMATS[asked];
      throw new ServiceError('UNSUPPORTED_FILE_TYPE', `The file is not ${label}: it does not begin with ${magic}`);
    }
    case 'json':
      if (firstLine(head).startsWith('[')) return asked;
      throw noRows('The file does not begin with [', 'format=ndjson, one object per line');
    case 'auto':
      return detectText(firstLine(head), impliesCsv);
  }
}

function detectText(line: string, impliesCsv: boolean): FileFormat {
  if (!line.startsWith('[') && !line.startsWith('{')) return 'csv';
  const { isJson, hasRows } = jsonBeginning(line);
  if (!isJson || (impliesCsv && !hasRows)) return 'csv';
  if (line.startsWith('[')) return 'json';
  if (!goesOn(line)) return 'ndjson';
  throw noRows(
    'The file looks like one JSON object over several lines',
    'if each line is in fact one object: format=ndjson; if it is CSV: format=csv',
  );
}

/** The first line that is not blank, as far as it is known; without a byte order mark and the blanks before it. */
export function firstLine(head: Uint8Array): string {
  let at = startsWith(head, UTF8_BOM) ? UTF8_BOM.length : 0;
  while (BLANKS.includes(head[at] ?? -1)) at++;
  const end = head.subarray(at).findIndex((byte) => byte === 0x0a || byte === 0x0d);
  return Buffer.from(head.subarray(at, end < 0 ? head.length : at + end)).toString();
}

function noRows(what: string, otherwise: string): ServiceError {
  return new ServiceError(
    'UNSUPPORTED_FILE_TYPE',
    `${what}; JSON must be an array of objects, or NDJSON (${otherwise})`,
  );
}

/** Keeps the beginning of a file that arrives in chunks: its first 64 KiB, of a compressed one STORED_HEAD_BYTES. */
export class FileHead {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #wanted = HEAD_BYTES;

  /** true as long as more is needed. */
  push(chunk: Uint8Array): boolean {
    const part = chunk.subarray(0, STORED_HEAD_BYTES - this.#length);
    this.#chunks.push(part);
    this.#length += part.length;
    if (this.#length >= HEAD_BYTES && compressionOf(this.bytes()) !== 'none') this.#wanted = STORED_HEAD_BYTES;
    return this.#length < this.#wanted;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks, Math.min(this.#length, this.#wanted));
  }
}

/** The beginning of a file, as FileHead keeps it. */
export async function readHead(file: ReadableFile): Promise<Buffer> {
  const head = new FileHead();
  for (let position = 0; ; ) {
    const chunk = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    position += bytesRead;
    if (bytesRead === 0 || !head.push(chunk.subarray(0, bytesRead))) return head.bytes();
  }
}

const READ_BYTES = 64 * 1024;
const UTF8_BOM = [0xef, 0xbb, 0xbf];
const BLANKS = [0x20, 0x09, 0x0a, 0x0d];
const ZIP = [0x50, 0x4b, 0x03, 0x04];

const TAR = 'a tar archive (unpack it, and send its files one by one)';

/** Files that are never text, whatever the options say: by the bytes at offset `at`. */
const SIGNATURES: readonly { type: string; magic: readonly number[]; at?: number }[] = [
  { type: 'text in UTF-32', magic: [0xff, 0xfe, 0x00, 0x00] },
  { type: 'text in UTF-32', magic: [0x00, 0x00, 0xfe, 0xff] },
  { type: 'an empty zip archive', magic: [0x50, 0x4b, 0x05, 0x06] },
  { type: TAR, magic: [...Buffer.from('ustar\0')], at: 257 },
  { type: TAR, magic: [...Buffer.from('ustar  \0')], at: 257 },
  { type: 'PDF (export its table as CSV)', magic: [...Buffer.from('%PDF-')] },
  { type: 'RTF (save it as plain text)', magic: [...Buffer.from('{\\rtf')] },
  { type: 'Avro (write it as Parquet or NDJSON)', magic: [...Buffer.from('Obj\x01')] },
  { type: 'Arrow or Feather (write it as Parquet)', magic: [...Buffer.from('ARROW1\0\0')] },
  {
    type: 'an old Excel workbook (xls; save the sheet as CSV)',
    magic: [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
  },
  { type: 'xz data (unpack it, or compress it by gzip or zstd)', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  // Behind the digit of its level, the beginning of its first block.
  { type: 'bzip2 data (unpack it, or compress it by gzip or zstd)', magic: [...Buffer.from('1AY&SY')], at: 4 },
  { type: 'LZ4 data (unpack it, or compress it by gzip or zstd)', magic: [0x04, 0x22, 0x4d, 0x18] },
];

/** What binary data may be, by its beginning; text may begin like that, too. */
const BINARIES: readonly { type: string; magic: readonly number[] }[] = [
  { type: 'Parquet with an encrypted footer (write it without encryption)', magic: [...Buffer.from('PARE')] },
  { type: 'ORC (write it as Parquet)', magic: [...Buffer.from('ORC')] },
];

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}

/** An xlsx is a zip whose first members are named like this. */
function isSpreadsheet(head: Uint8Array): boolean {
  const names = Buffer.from(head.buffer, head.byteOffset, head.length);
  return names.includes('[Content_Types].xml') || names.includes('xl/');
}
