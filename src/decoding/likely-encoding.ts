import { isUtf8 } from 'node:buffer';
import { byteOrderMark, type TextEncoding } from './text-encoding.js';
import { unmarkedUtf16 } from './unmarked-utf16.js';

/** The longest part of a character that UTF-8 may be cut in, in bytes. */
const MAX_CUT = 3;

/**
 * How the text that begins like this seems to be written: what its byte order mark says, UTF-16 if its NUL bytes say so,
 * UTF-8 if it is valid, otherwise windows-1252, which is what most programs mean that write none of these.
 * `isWhole`: `head` is the whole text; otherwise its last character may be cut.
 */
export function likelyEncoding(head: Uint8Array, isWhole: boolean): TextEncoding {
  const marked = byteOrderMark(head) ?? unmarkedUtf16(head);
  if (marked !== null) return marked;
  for (let cut = 0; cut <= (isWhole ? 0 : MAX_CUT); cut++) {
    if (isUtf8(head.subarray(0, head.length - cut))) return 'utf-8';
  }
  return 'windows-1252';
}
