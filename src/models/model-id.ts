import { randomBytes } from 'node:crypto';

const MODEL_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export function isModelId(text: string): boolean {
  return MODEL_ID.test(text);
}

/** Eight random characters, 40 bits. */
export function newModelId(): string {
  return [...randomBytes(8)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
}
