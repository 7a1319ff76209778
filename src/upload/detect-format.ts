import { BatchError } from '../errors/index.js';

/** What a file is taken for: CSV, one JSON array of objects, one JSON object a line, Parquet. */
export type FileFormat = 'csv' | 'json' | 'ndjson' | 'parquet';

import { byteOrderMark } from '../sources/index.js';

/** How much of a file is looked at to tell what it is. */
export const HEAD_BYTES = 64 * 1024;

/**
 * What a file is, by its first 64 KiB, where that is something we do not take: words for the user; null where it
 * is Parquet or may be text.
 */
export function unsupportedType(head: Uint8Array): string | null {
  if (isParquet(head)) return null;
  for (const { type, magic } of SIGNATURES) {
    if (startsWith(head, magic)) return type;
  }
  if (startsWith(head, ZIP)) {
    return isSpreadsheet(head)
      ? 'an Excel workbook (xlsx; save the sheet as CSV)'
      : 'a zip archive (unpack it, or send its file as .gz or .zst)';
  }
  if (head.includes(0) && !mayBeUtf16(head)) return 'binary data (a NUL byte)';
  return null;
}

/** Whether the first four bytes are Parquet's. */
export function isParquet(head: Uint8Array): boolean {
  return startsWith(head, PARQUET);
}

/**
 * What a file is to be taken for: what the client asked for, else what it begins with: PAR1, or its first byte that is
 * no blank (after a UTF-8 byte order mark). Throws UNSUPPORTED_FILE_TYPE where it is not what was asked for, or where
 * it is JSON, but no rows.
 */
export function detectFormat(head: Uint8Array, asked: FileFormat | 'auto'): FileFormat {
  if (isParquet(head)) {
    if (asked === 'auto' || asked === 'parquet') return 'parquet';
    throw new BatchError('UNSUPPORTED_FILE_TYPE', `The file is Parquet, not ${asked}`);
  }
  if (asked === 'parquet') {
    throw new BatchError('UNSUPPORTED_FILE_TYPE', 'The file does not begin with PAR1, as Parquet does');
  }
  if (asked === 'csv' || asked === 'ndjson') return asked;
  let at = startsWith(head, UTF8_BOM) ? UTF8_BOM.length : 0;
  while (BLANKS.includes(head[at] ?? -1)) at++;
  if (head[at] === OPEN_BRACKET) return 'json';
  if (asked === 'json') throw noRows('The file does not begin with [, as JSON with rows does', 'one object a line');
  if (head[at] !== OPEN_BRACE) return 'csv';
  if (!goesOn(head, at)) return 'ndjson';
  throw noRows('The file looks like one JSON object over several lines', 'each line is an object all the same');
}

/** Whether the line at `at` ends inside the JSON that begins there, as far as its brackets and quotes show. */
function goesOn(head: Uint8Array, at: number): boolean {
  let depth = 0;
  let isText = false;
  for (let i = at; i < head.length; i++) {
    const byte = head[i];
    if (byte === 0x0a) return depth > 0 && !isText;
    if (byte === 0x22) isText = !isText;
    else if (isText && byte === 0x5c) i++;
    else if (!isText && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) depth++;
    else if (!isText && (byte === 0x7d || byte === 0x5d)) depth--;
  }
  return false;
}

function noRows(what: string, otherwise: string): BatchError {
  return new BatchError(
    'UNSUPPORTED_FILE_TYPE',
    `${what}; JSON is taken as an array of objects, or as NDJSON (format=ndjson: ${otherwise})`,
  );
}

/** Keeps the first 64 KiB of a file that arrives in chunks. */
export class FileHead {
  private readonly chunks: Uint8Array[] = [];
  private length = 0;

  /** true as long as more is needed. */
  push(chunk: Uint8Array): boolean {
    const part = chunk.subarray(0, HEAD_BYTES - this.length);
    this.chunks.push(part);
    this.length += part.length;
    return this.length < HEAD_BYTES;
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks, this.length);
  }
}

const UTF8_BOM = [0xef, 0xbb, 0xbf];
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const BLANKS = [0x20, 0x09, 0x0a, 0x0d];
const PARQUET = [...Buffer.from('PAR1')];
/** How many NUL bytes UTF-16 text has in one half of its units for one in the other, at least. */
const UTF16_SHARE = 4;
const ZIP = [0x50, 0x4b, 0x03, 0x04];

const SIGNATURES = [
  { type: 'text in UTF-32', magic: [0xff, 0xfe, 0x00, 0x00] },
  { type: 'text in UTF-32', magic: [0x00, 0x00, 0xfe, 0xff] },
  { type: 'an empty zip archive', magic: [0x50, 0x4b, 0x05, 0x06] },
];

/**
 * Whether this may be UTF-16, by its byte order mark or because nearly all NUL bytes are in the same half of its units.
 * (Some characters have one in the other half: U+0100, and many emoji.) Only who asks for the encoding knows.
 */
function mayBeUtf16(head: Uint8Array): boolean {
  if (byteOrderMark(head)?.startsWith('utf-16')) return true;
  const found = [0, 0] as [number, number];
  for (let at = head.indexOf(0); at >= 0; at = head.indexOf(0, at + 1)) found[(at & 1) as 0 | 1] += 1;
  return Math.max(...found) > UTF16_SHARE * Math.min(...found);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}

/** An xlsx is a zip whose first members are named like this. */
function isSpreadsheet(head: Uint8Array): boolean {
  const names = Buffer.from(head.buffer, head.byteOffset, head.length);
  return names.includes('[Content_Types].xml') || names.includes('xl/');
}
