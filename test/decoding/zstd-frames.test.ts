import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { ZstdFrames } from '../../src/decoding/zstd-frames.js';

function ends(file: Uint8Array, cuts: readonly number[]): { ends: number[]; isBetween: boolean } {
  const frames = new ZstdFrames();
  const found: number[] = [];
  let from = 0;
  for (const to of [...new Set(cuts.map((cut) => cut % file.length))].sort((a, b) => a - b).concat(file.length)) {
    const chunk = file.subarray(from, to);
    for (let at = 0; at < chunk.length; ) {
      at = frames.step(chunk, at);
      if (frames.isBetween) found.push(from + at);
    }
    from = to;
  }
  return { ends: found, isBetween: frames.isBetween };
}

const frame = fc
  .record({
    bytes: fc.uint8Array({ maxLength: 2000 }),
    repeat: fc.integer({ min: 1, max: 200 }),
    checksum: fc.boolean(),
  })
  .map(({ bytes, repeat, checksum }) =>
    zstdCompressSync(Buffer.concat(Array(repeat).fill(bytes)), {
      params: { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 },
    }),
  );
const skippable = fc.uint8Array({ maxLength: 50 }).map((bytes) => {
  const header = Buffer.from([0x50, 0x2a, 0x4d, 0x18, bytes.length, 0, 0, 0]);
  return Buffer.concat([header, bytes]);
});

describe('ZstdFrames', () => {
  it('finds where frames end, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(frame, skippable), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (frames, cuts) => {
          let end = 0;
          const expected = frames.map((each) => (end += each.length));
          const file = Buffer.concat(frames);
          expect(ends(file, cuts)).toEqual({ ends: expected, isBetween: true });
          const bytewise = Array.from(file.subarray(0, 3000), (_, index) => index);
          expect(ends(file, bytewise).ends).toEqual(expected);
          expect(ends(file.subarray(0, -1), cuts).isBetween).toBe(false);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses what is not a frame', () => {
    const file = Buffer.concat([zstdCompressSync('x'), Buffer.from('hello')]);
    expect(() => ends(file, [])).toThrow('not a zstd frame');
  });
});
