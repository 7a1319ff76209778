const MAX_RAW_BYTES = 64 * 1024;

/** A row as a reject shows it: the beginning of its JSON, in whole characters. */
export function rawOf(bytes: Buffer, start: number, end: number): { raw: string; rawTruncated: boolean } {
  const rawTruncated = end - start > MAX_RAW_BYTES;
  let last = rawTruncated ? start + MAX_RAW_BYTES : end;
  // Not in the middle of a character.
  while (last > start && last < end && ((bytes[last] as number) & 0xc0) === 0x80) last--;
  return { raw: bytes.toString('utf8', start, last), rawTruncated };
}

/** Text as PostgreSQL stores it: without U+0000 and halves of surrogate pairs. */
export function storable(text: string): string;
export function storable(text: string | null): string | null;
export function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\0', '\u{fffd}').toWellFormed();
}
