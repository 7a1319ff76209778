import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { compressionOf, type DecompressionLimits, openByteSource } from '../../src/decoding/index.js';
import { peakGrowth } from '../kit/peak-memory.js';
import { drain, withFile } from './support/files.js';

const MiB = 1024 ** 2;
const LIMITS: DecompressionLimits = { maxBytes: 64 * MiB, maxRatio: 250 };
const compress = {
  gzip: (bytes: Uint8Array) => gzipSync(bytes),
  zstd: (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
};
const formats = ['gzip', 'zstd'] as const;

async function read(file: Uint8Array, { from = 0, space = 65_536, limits = LIMITS } = {}): Promise<Buffer> {
  return withFile(file, async (handle) =>
    drain(openByteSource(handle, from, { fileCompression: compressionOf(file), encoding: 'utf-8', limits }), space),
  );
}

/** Bytes that do not compress, the same every time. */
function noise(bytes: number): Buffer {
  const found = Buffer.alloc(bytes);
  for (let at = 0, state = 1; at < bytes; at++) {
    state = (state * 48_271) % 0x7fffffff;
    found[at] = state >> 8;
  }
  return found;
}

describe.each(formats)('a %s file', (format) => {
  const content = noise(700_000);
  const file = compress[format](content);

  it('is detected from its magic, and read as what it holds', async () => {
    expect(compressionOf(file)).toBe(format);
    expect((await read(file)).equals(content)).toBe(true);
  });

  it('may hold nothing', async () => {
    expect(await read(compress[format](Buffer.alloc(0)))).toHaveLength(0);
  });

  it('gives the same from any offset, however it was compressed and is read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 300_000 }), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.integer({ min: 1000, max: 600_000 }),
        async (sizes, offset, space) => {
          const parts = sizes.map((size, index) => content.subarray(index, index + size));
          const whole = Buffer.concat(parts);
          const from = offset % (whole.length + 1);
          const members = Buffer.concat(parts.map((part) => compress[format](part)));
          const found = await read(members, { from, space });
          expect(found.equals(whole.subarray(from))).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('takes thousands of small members', async () => {
    const member = compress[format](Buffer.from('12345\n'));
    const found = await read(Buffer.concat(Array(2000).fill(member)));
    expect(found.toString()).toBe('12345\n'.repeat(2000));
  });

  it.each([1, 5, 9, 1000])('is corrupt without its last %d bytes', async (bytes) => {
    await expect(read(file.subarray(0, file.length - bytes))).rejects.toMatchObject({
      code: 'FILE_CORRUPT',
      message: expect.stringContaining(format),
    });
  });

  it('is corrupt where a byte is another', async () => {
    const damaged = Buffer.from(file);
    damaged[file.length - 6] = (damaged[file.length - 6] as number) ^ 1;
    await expect(read(damaged)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
    damaged[4] = (damaged[4] as number) ^ 0xff;
    damaged[400_000] = (damaged[400_000] as number) ^ 1;
    await expect(read(damaged)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  });

  it.each([
    ['a byte', Buffer.from('x')],
    ['text', Buffer.from('id,qty\n1,2\n')],
    ['more than a read', Buffer.alloc(300_000, 'x')],
    ['zeros and then text', Buffer.concat([Buffer.alloc(200_000), Buffer.from('x')])],
    ['the beginning of another member', file.subarray(0, 20)],
  ])('is corrupt where %s follows', async (_name, garbage) => {
    await expect(read(Buffer.concat([file, garbage]))).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  });

  it('may be as large as allowed, and no larger', async () => {
    const limits = { maxBytes: content.length, maxRatio: 250 };
    await expect(read(file, { limits })).resolves.toHaveLength(content.length);
    await expect(read(file, { limits: { ...limits, maxBytes: content.length - 1 } })).rejects.toMatchObject({
      code: 'FILE_TOO_COMPLEX',
      message: expect.stringContaining('MAX_DECOMPRESSED_BYTES'),
    });
  });

  it('must not decompress to many times its size, beyond the first 64 MiB', async () => {
    const small = compress[format](Buffer.alloc(64 * MiB));
    const limits = { maxBytes: 1024 * MiB, maxRatio: 250 };
    await expect(read(small, { limits })).resolves.toHaveLength(64 * MiB);
    await expect(read(compress[format](Buffer.alloc(80 * MiB)), { limits })).rejects.toMatchObject({
      code: 'FILE_TOO_COMPLEX',
      message: expect.stringContaining('MAX_DECOMPRESSION_RATIO'),
    });
  });

  it('counts the bytes of the file itself', async () => {
    await withFile(file, async (handle) => {
      const source = openByteSource(handle, 0, { fileCompression: format, encoding: 'utf-8', limits: LIMITS });
      await drain(source);
      expect(source.fileBytes).toBe(file.length);
    });
  });

  it('fails a read when it is closed meanwhile, rather than end', async () => {
    await withFile(file, async (handle) => {
      const source = openByteSource(handle, 0, { fileCompression: format, encoding: 'utf-8', limits: LIMITS });
      await source.read(Buffer.alloc(1000));
      await source.read(Buffer.alloc(1_000_000));
      const reading = source.read(Buffer.alloc(1000));
      source.close();
      await expect(reading).rejects.toThrow();
    });
  });

  it('ends in an error or in some bytes whatever is done to it, in bounded memory', async () => {
    const check = fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
      fc.nat(),
      async (changes, length) => {
        const small = compress[format](content.subarray(0, 20_000));
        const damaged = Buffer.from(small.subarray(0, 4 + (length % (small.length - 3))));
        for (const [at, byte] of changes) damaged[4 + (at % Math.max(1, damaged.length - 4))] = byte;
        const found = await read(damaged).catch((error: unknown) => (error as { code: string }).code);
        if (typeof found === 'string') expect(['FILE_CORRUPT', 'FILE_TOO_COMPLEX']).toContain(found);
        else expect(found.length).toBeLessThanOrEqual(LIMITS.maxBytes);
      },
    );
    expect(await peakGrowth(() => fc.assert(check, { numRuns: 120, seed: 20 }))).toBeLessThan(256 * 1024 ** 2);
  });
});

it('takes a gzip file that is filled up with zeros', async () => {
  const file = Buffer.concat([gzipSync('id\n1\n'), Buffer.alloc(300_000)]);
  expect((await read(file)).toString()).toBe('id\n1\n');
});

it('takes zstd frames that hold no data, before, between and behind the others', async () => {
  const skippable = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('abc')]);
  const frame = zstdCompressSync('id\n1\n');
  const file = Buffer.concat([skippable, frame, skippable, skippable, frame, skippable]);
  expect(compressionOf(file)).toBe('zstd');
  expect((await read(file)).toString()).toBe('id\n1\n'.repeat(2));
});

it('refuses a zstd window that would take too much memory', async () => {
  // A frame header alone: window descriptor with exponent 18 (256 MiB).
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 0x01, 0x00, 0x00]);
  await expect(read(header)).rejects.toMatchObject({ code: 'FILE_TOO_COMPLEX' });
});
