import { randomBytes } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 8;
/** Bytes from here on would favour the alphabet's beginning. */
const UNBIASED = 256 - (256 % ALPHABET.length);

/** Eight characters of [a-z0-9] from the system's random source, each equally likely (41 bits). */
export function newJobId(): string {
  let id = '';
  while (id.length < LENGTH) {
    for (const byte of randomBytes(LENGTH * 2)) {
      if (byte < UNBIASED && id.length < LENGTH) id += ALPHABET[byte % ALPHABET.length];
    }
  }
  return id;
}

export function isJobId(text: string): boolean {
  return /^[a-z0-9]{8}$/.test(text);
}
