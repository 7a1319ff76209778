import { ESCAPE, LAX_QUOTES, QUOTES } from '../control-slots';
import { get } from './control';
import { copyEscaped, writeByte } from './text';

/** Fields whose quotes are lax: see `FieldText`, whose rules these are. One byte after the other: they are rare. */

export function areQuotesLax(): bool {
  return get(QUOTES) === LAX_QUOTES;
}

/** Copies the text of a field that begins with a quote; returns the address behind the copy. */
export function copyLax(to: i32, at: i32, end: i32, quote: u8): i32 {
  return copyLaxOf<u8>(to, at, end, quote);
}

/** The same for text inside a JSON string. Each byte becomes 6 at most. */
export function copyLaxEscaped(to: i32, at: i32, end: i32, quote: u8): i32 {
  return copyLaxOf<u16>(to, at, end, quote);
}

/** T of two bytes: it becomes JSON. */
function copyLaxOf<T>(to: i32, at: i32, end: i32, quote: u8): i32 {
  const escapeByte = <u8>get(ESCAPE);
  const isWhole = isEnclosed(at, end, quote, escapeByte);
  if (isWhole) end--;
  let isOpen: bool = true;
  for (at++; at < end; at++) {
    if (isOpen && isPair(at, end, quote, escapeByte)) at++;
    else if (isOpen && !isWhole && load<u8>(at) === quote) {
      // It closes, and what comes behind it is text.
      isOpen = false;
      continue;
    }
    to = sizeof<T>() > 1 ? copyEscaped(to, at, at + 1) : writeByte(to, load<u8>(at));
  }
  return to;
}

/** Whether a field ends with a quote that does not stand for itself. */
function isEnclosed(at: i32, end: i32, quote: u8, escapeByte: u8): bool {
  for (at++; at < end; at++) {
    if (isPair(at, end, quote, escapeByte)) at++;
    else if (at + 1 === end) return load<u8>(at) === quote;
  }
  return false;
}

/** Whether the byte there, inside quotes, only says that the one behind it is text. */
function isPair(at: i32, end: i32, quote: u8, escapeByte: u8): bool {
  if (load<u8>(at) !== escapeByte || at + 1 === end) return false;
  return escapeByte !== quote || load<u8>(at, 1) === quote;
}
