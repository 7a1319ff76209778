import { isUtf8 } from 'node:buffer';

/** How many NUL bytes UTF-16 text has in one half of its units for one in the other, at least. */
const SHARE = 4;
/** If this share of the units has one, nothing else explains them. */
const CERTAIN = 0.4;
/** Fewer may be an accident. */
const MIN_NULS = 2;
/** Text has hardly any control characters; read as UTF-8, UTF-16 of most scripts has one in each unit. */
const MAX_CONTROLS = 0.1;

/**
 * Whether text that begins like this is UTF-16 without a byte order mark, and which: nearly all of its NUL bytes are in the
 * same half of its units, it makes sense as UTF-16, and not as UTF-8. null: it is not.
 */
export function unmarkedUtf16(head: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const units = head.length >> 1;
  const [high, low] = nulBytes(head);
  const encoding = low > SHARE * high ? 'utf-16le' : high > SHARE * low ? 'utf-16be' : null;
  if (encoding === null || Math.max(high, low) < MIN_NULS || !isText(head, encoding)) return null;
  return Math.max(high, low) >= CERTAIN * units || !isPlausibleUtf8(head) ? encoding : null;
}

/** Whether NUL bytes are where UTF-16 has them: who asks for the encoding may know more. */
export function mayBeUtf16(head: Uint8Array): boolean {
  const [high, low] = nulBytes(head);
  return Math.max(high, low) > SHARE * Math.min(high, low);
}

/** Number of NUL bytes at even and at odd offsets. */
function nulBytes(head: Uint8Array): [number, number] {
  const found: [number, number] = [0, 0];
  for (let at = head.indexOf(0); at >= 0; at = head.indexOf(0, at + 1)) found[(at & 1) as 0 | 1] += 1;
  return found;
}

/** It has neither NUL nor other control characters, nor half a character but at its end. */
function isText(head: Uint8Array, encoding: 'utf-16le' | 'utf-16be'): boolean {
  const bytes = Buffer.from(head.subarray(0, head.length & ~1));
  if (encoding === 'utf-16be') bytes.swap16();
  const text = bytes.toString('utf16le');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what text has not
  return !/[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1e]/.test(text) && text.replace(/[\ud800-\udbff]$/, '').isWellFormed();
}

function isPlausibleUtf8(head: Uint8Array): boolean {
  let controls = 0;
  for (const byte of head) if (byte < 0x20 && byte !== 0 && !(byte >= 0x09 && byte <= 0x0d)) controls += 1;
  // The last character may be cut.
  return (
    controls < MAX_CONTROLS * head.length && [0, 1, 2, 3].some((cut) => isUtf8(head.subarray(0, head.length - cut)))
  );
}
