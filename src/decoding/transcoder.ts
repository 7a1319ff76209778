import { isAscii, transcode } from 'node:buffer';
import type { TextEncoding } from './text-encoding.js';

/** Replaces bytes that are not text in the encoding: never a part of UTF-8, so that the row is rejected for it. */
const INVALID = Buffer.from([0xff]);
const LONE_SURROGATES = /\p{Surrogate}/gu;
const NOTHING = Buffer.alloc(0);

/** What is not UTF-8. */
export type ForeignEncoding = Exclude<TextEncoding, 'utf-8'>;

/** Turns text into UTF-8, chunk by chunk; what cannot be decoded becomes a byte 0xFF. */
export interface Transcoder {
  /** Size of one code unit in bytes. Each gives one character, except the surrogates of UTF-16, which give one in pairs. */
  readonly unitBytes: 1 | 2;
  /** At most three bytes for each of the chunk's, and three more; a new buffer or the chunk itself. */
  push(chunk: Buffer): Buffer;
  /** What was left over, when no more will come. */
  end(): Buffer;
}

export function createTranscoder(encoding: ForeignEncoding): Transcoder {
  switch (encoding) {
    case 'utf-16le':
      return new Utf16Transcoder(false);
    case 'utf-16be':
      return new Utf16Transcoder(true);
    case 'windows-1252':
      return { unitBytes: 1, push: fromWindows1252, end: () => NOTHING };
    case 'latin1':
      return { unitBytes: 1, push: fromLatin1, end: () => NOTHING };
  }
}

class Utf16Transcoder implements Transcoder {
  readonly unitBytes = 2;
  /** Half a unit, or half a pair of units. */
  #rest = NOTHING;

  constructor(private readonly isBigEndian: boolean) {}

  push(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let end = bytes.length & ~1;
    if (end >= 2 && this.#isHighSurrogate(bytes, end - 2)) end -= 2;
    // A copy, since the chunk is the caller's.
    this.#rest = Buffer.from(bytes.subarray(end));
    return this.#decode(bytes.subarray(0, end));
  }

  end(): Buffer {
    const { length } = this.#rest;
    this.#rest = NOTHING;
    return Buffer.concat(Array(Math.ceil(length / 2)).fill(INVALID));
  }

  #isHighSurrogate(bytes: Buffer, at: number): boolean {
    const unit = this.isBigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
    return unit >= 0xd800 && unit < 0xdc00;
  }

  /** `bytes` is our own. */
  #decode(bytes: Buffer): Buffer {
    const text = (this.isBigEndian ? bytes.swap16() : bytes).toString('utf16le');
    if (text.isWellFormed()) return Buffer.from(text);
    const pieces: Buffer[] = [];
    let from = 0;
    for (const { index } of text.matchAll(LONE_SURROGATES)) {
      pieces.push(Buffer.from(text.slice(from, index)), INVALID);
      from = index + 1;
    }
    pieces.push(Buffer.from(text.slice(from)));
    return Buffer.concat(pieces);
  }
}

function fromLatin1(chunk: Buffer): Buffer {
  return isAscii(chunk) ? chunk : transcode(chunk, 'latin1', 'utf8');
}

/** What windows-1252 has at 0x80 to 0x9F (WHATWG index, but for the five bytes that Microsoft leaves undefined). */
const WINDOWS_1252 = '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ';

const UTF8_OF_WINDOWS_1252 = Array.from({ length: 256 }, (_, byte) => {
  const special = WINDOWS_1252[byte - 0x80];
  return special === '\0' ? INVALID : Buffer.from(special ?? String.fromCharCode(byte));
});

function fromWindows1252(chunk: Buffer): Buffer {
  if (isAscii(chunk)) return chunk;
  const target = Buffer.allocUnsafe(chunk.length * 3);
  let end = 0;
  for (const byte of chunk) {
    if (byte < 0x80) {
      target[end++] = byte;
      continue;
    }
    for (const each of UTF8_OF_WINDOWS_1252[byte] as Buffer) target[end++] = each;
  }
  return target.subarray(0, end);
}
