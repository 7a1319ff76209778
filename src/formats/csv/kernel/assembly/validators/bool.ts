const TRUE: u32 = 0x65757274;
const FALS: u32 = 0x736c6166;

/** true, false in any case; 1, 0. */
export function isBool(at: i32, length: i32): bool {
  // Setting this bit makes a letter small, and makes nothing else a letter.
  if (length === 4) return (load<u32>(at) | 0x20202020) === TRUE;
  if (length === 5) return (load<u32>(at) | 0x20202020) === FALS && (load<u8>(at, 4) | 0x20) === 0x65;
  return length === 1 && (load<u8>(at) & 0xfe) === 0x30;
}
