/** What is exchanged in the code of the decoder, in place. WebAssembly core specification, 5.4. */
interface Change {
  /** Bytes of some instructions, which occur in the module `times` times. */
  find: readonly number[];
  times: number;
  /** Takes the place of as many bytes, from `at` on. */
  put: readonly number[];
  at: number;
}

/**
 * Both are in how the decoder (`DeltaBitPackDecoder::skip` of Rust's parquet 59.3) passes over integers in
 * DELTA_BINARY_PACKED. What reads them has neither limit.
 */
const CHANGES: readonly Change[] = [
  {
    // `size == 32 || size == 64`, of a miniblock, for INT32 and INT64: `size > 0 || size == 64`. The format knows
    // multiples of 32, DuckDB writes 256, and the code behind takes any.
    find: [
      [0x22, 2], // local.tee 2
      [0x41, 32, 0x46], // i32.const 32, i32.eq
      [0x20, 2], // local.get 2
      [0x41, 0xc0, 0x00, 0x46], // i32.const 64, i32.eq
      [0x72, 0x45, 0x04], // i32.or, i32.eqz, if
    ].flat(),
    times: 2,
    put: [0x41, 0, 0x4b], // i32.const 0, i32.gt_u
    at: 2,
  },
  {
    // `step + 2^31 < 2^32`, of the sum of equal INT32 steps: `>= 0`, which all are. Sums wrap, as they do where the
    // steps differ.
    find: [
      [0x22, 10], // local.tee 10
      [0x42, 0x80, 0x80, 0x80, 0x80, 0x08, 0x7c], // i64.const 2^31, i64.add
      [0x42, 0x80, 0x80, 0x80, 0x80, 0x10, 0x54], // i64.const 2^32, i64.lt_u
      [0x0d, 1], // br_if 1
    ].flat(),
    times: 1,
    put: [0x42, 0x80, 0x80, 0x80, 0x80, 0x00, 0x5a], // i64.const 0, i64.ge_u
    at: 9,
  },
];

/** Makes the module read what it would refuse. Throws if it is not the module that the changes are for. */
export function changeDecoder(module: Buffer): void {
  for (const { find, times, put, at } of CHANGES) {
    const places = placesOf(Buffer.from(find), module);
    if (places.length !== times) throw new Error('the decoder is of another version than our changes of it');
    for (const place of places) module.set(put, place + at);
  }
}

function placesOf(bytes: Buffer, module: Buffer): number[] {
  const places = [];
  for (let at = module.indexOf(bytes); at !== -1; at = module.indexOf(bytes, at + bytes.length)) places.push(at);
  return places;
}
