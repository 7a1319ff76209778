import { isUtf8 } from 'node:buffer';
import { byteOrderMark, type TextEncoding } from './text-encoding.js';

/** How many NUL bytes UTF-16 text has in one half of its units for one in the other, at least. */
const UTF16_SHARE = 4;
/** The share of its units that are ASCII characters in any file with line ends and delimiters. */
const UTF16_ASCII = 0.02;
/** The longest part of a character that UTF-8 may be cut in, in bytes. */
const MAX_CUT = 3;

/**
 * How the text that begins like this seems to be written: what its byte order mark says, UTF-16 if every second byte is
 * NUL, UTF-8 if it is valid, otherwise windows-1252, which is what most programs mean that write none of these.
 * `isWhole`: `head` is the whole text; otherwise its last character may be cut.
 */
export function likelyEncoding(head: Uint8Array, isWhole: boolean): TextEncoding {
  const mark = byteOrderMark(head);
  if (mark !== null) return mark;
  const [high, low] = nulBytes(head);
  if (high + low > (head.length / 2) * UTF16_ASCII) {
    if (low > UTF16_SHARE * high) return 'utf-16le';
    if (high > UTF16_SHARE * low) return 'utf-16be';
  }
  for (let cut = 0; cut <= (isWhole ? 0 : MAX_CUT); cut++) {
    if (isUtf8(head.subarray(0, head.length - cut))) return 'utf-8';
  }
  return 'windows-1252';
}

/** Number of NUL bytes at even and at odd offsets. */
function nulBytes(head: Uint8Array): [number, number] {
  const found: [number, number] = [0, 0];
  for (let at = head.indexOf(0); at >= 0; at = head.indexOf(0, at + 1)) found[(at & 1) as 0 | 1] += 1;
  return found;
}
