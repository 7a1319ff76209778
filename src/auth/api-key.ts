import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * An API key: `batch_<id>_<32 random characters><6 of a checksum>`, 53 characters. The id is not secret: it names the key in
 * lists and logs; the checksum lets scanners for leaked secrets tell a key from a text that looks like one.
 */
export interface NewApiKey {
  id: string;
  /** The whole key: shown once, never stored. */
  key: string;
  /** What is stored of it. */
  hash: string;
}

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 8;
/** 190 bits. */
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const PATTERN = /^batch_([a-z0-9]{8})_[0-9A-Za-z]{38}$/;

export function newApiKey(): NewApiKey {
  const id = randomText(ID_ALPHABET, ID_LENGTH);
  const start = `batch_${id}_${randomText(BASE62, SECRET_LENGTH)}`;
  const key = start + checksumOf(start);
  return { id, key, hash: hashOfKey(key) };
}

/** The id in a key; null: the text is not a key. Says nothing about whether there is such a key. */
export function idOfKey(text: string): string | null {
  const id = PATTERN.exec(text)?.[1];
  if (id === undefined) return null;
  return checksumOf(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH) ? id : null;
}

/** What keys of this id begin with: enough to recognize one, and no help to guess it. */
export function prefixOfKey(id: string): string {
  return `batch_${id}`;
}

/**
 * SHA-256 in hex. A slow hash protects secrets that people choose: 190 random bits cannot be guessed however fast the hash
 * is, and each request pays for it.
 */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** CRC-32 in base 62, as the tokens of GitHub and npm have it. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = BASE62[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** Characters of the alphabet from the system's random source, each equally likely. */
function randomText(alphabet: string, length: number): string {
  // Bytes from here on would favour the alphabet's beginning.
  const unbiased = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < unbiased && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
