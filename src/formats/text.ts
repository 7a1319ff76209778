/** The beginning of a text, at most `length` UTF-16 code units, never half a code point. */
export function prefix(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/** The same, with an ellipsis in place of what is cut off. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${prefix(text, length - 1)}…`;
}
