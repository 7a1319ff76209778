/** xorshift32: whole numbers from 0 up to, not including, the limit; the same ones every time. */
export function random(seed = 0x9e37_79b9): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
