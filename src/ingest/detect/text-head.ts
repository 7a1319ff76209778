import { byteOrderMark, type TextEncoding, textHead, unmarkedUtf16 } from '../../decoding/index.js';
import { ServiceError } from '../../errors/index.js';

/**
 * The encoding of a text file, and the beginning of its text in UTF-8. `auto`: detected from its byte order mark; without
 * one UTF-16 if its NUL bytes say so, otherwise UTF-8. Throws INVALID_OPTION if the mark contradicts what was asked for.
 */
export function readTextHead(head: Buffer, asked: TextEncoding | 'auto'): { encoding: TextEncoding; text: Buffer } {
  const mark = byteOrderMark(head);
  if (mark !== null && asked !== 'auto' && asked !== mark) {
    throw new ServiceError('INVALID_OPTION', `encoding: the file begins with the byte order mark of ${mark}`);
  }
  const encoding = asked === 'auto' ? (mark ?? unmarkedUtf16(head) ?? 'utf-8') : asked;
  return { encoding, text: textHead(head, encoding) };
}

/** Throws UNSUPPORTED_FILE_TYPE for the beginning of what nobody says to be text, and does not look like it. */
export function refuseNul(text: Buffer): void {
  if (!text.includes(0)) return;
  throw new ServiceError(
    'UNSUPPORTED_FILE_TYPE',
    'The file looks like binary data (a NUL byte), or like UTF-16 without a byte order mark (encoding=utf-16le, utf-16be)',
  );
}
