/** What a file is taken for. */
export type FileFormat = 'csv' | 'parquet';

/** How much of a file is looked at to tell what it is. */
export const HEAD_BYTES = 64 * 1024;

/**
 * What a file is, by its first 64 KiB, where that is something we do not take: words for the user; null where it
 * is Parquet or may be CSV. JSON is told by `startsLikeJson`, because `format=csv` overrules that.
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

/** Whether the first byte that is no blank (after a UTF-8 byte order mark) opens a JSON object or array. */
export function startsLikeJson(head: Uint8Array): boolean {
  let at = startsWith(head, UTF8_BOM) ? UTF8_BOM.length : 0;
  while (BLANKS.includes(head[at] ?? -1)) at++;
  return head[at] === 0x7b || head[at] === 0x5b;
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
const BLANKS = [0x20, 0x09, 0x0a, 0x0d];
const PARQUET = [...Buffer.from('PAR1')];
const ZIP = [0x50, 0x4b, 0x03, 0x04];

const SIGNATURES = [
  { type: 'text in UTF-32', magic: [0xff, 0xfe, 0x00, 0x00] },
  { type: 'text in UTF-32', magic: [0x00, 0x00, 0xfe, 0xff] },
  { type: 'an empty zip archive', magic: [0x50, 0x4b, 0x05, 0x06] },
];

/** Whether all NUL bytes are where UTF-16 has them: in the first half of each unit, or in the second. */
function mayBeUtf16(head: Uint8Array): boolean {
  const seen = [false, false];
  for (let at = head.indexOf(0); at >= 0; at = head.indexOf(0, at + 1)) seen[at & 1] = true;
  return !(seen[0] && seen[1]);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}

/** An xlsx is a zip whose first members are named like this. */
function isSpreadsheet(head: Uint8Array): boolean {
  const names = Buffer.from(head.buffer, head.byteOffset, head.length);
  return names.includes('[Content_Types].xml') || names.includes('xl/');
}
