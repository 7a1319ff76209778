const SPACE: u8 = 0x20;
const TAB: u8 = 0x09;

/** The address behind the spaces and tabs from there on, at most `end`. */
export function skipBlanks(at: i32, end: i32): i32 {
  while (at < end && isBlank(at)) at++;
  return at;
}

/** The address of the spaces and tabs before `end`, at least `at`. */
export function dropBlanks(at: i32, end: i32): i32 {
  while (at < end && isBlank(end - 1)) end--;
  return end;
}

function isBlank(at: i32): bool {
  const byte = load<u8>(at);
  return byte === SPACE || byte === TAB;
}
