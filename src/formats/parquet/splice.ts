/** A change of bytes: `remove` of them at `at` give way to `insert`. */
export interface Edit {
  at: number;
  remove: number;
  insert: readonly number[];
}

/** The bytes with all changes made; the changes stand in the order of their places and do not overlap. */
export function splice(bytes: Uint8Array, edits: readonly Edit[]): Buffer {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { at, remove, insert } of edits) {
    parts.push(bytes.subarray(from, at), Uint8Array.from(insert));
    from = at + remove;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}
