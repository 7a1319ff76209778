import { pbkdf2 } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { decompress } from '../../src/decoding/decompression.js';

const deriveKey = promisify(pbkdf2);

async function* once(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}

describe('what is decompressed of a file that is cut off', () => {
  it.each([
    ['gzip', gzipSync('a,b\n1,2\n').subarray(0, -8)],
    ['zstd', Buffer.concat([zstdCompressSync('a,b\n1,2\n'), zstdCompressSync('x'.repeat(100)).subarray(0, -2)])],
  ] as const)('comes before the failure, however late it is asked for (%s)', async (compression, bytes) => {
    for (const ms of [0, 100]) {
      const decompression = decompress(once(bytes), compression);
      await sleep(ms); // by then it has failed
      const { value } = await decompression.next();
      expect(value?.toString()).toBe('a,b\n1,2\n');
      await expect(decompression.next()).rejects.toThrow('cut off');
      await expect(decompression.next()).rejects.toThrow('cut off');
      decompression.close();
    }
  });
});

describe('what is decompressed before the input fails', () => {
  const TEXT = 'a,b\n1,2\n';

  async function* failing(chunk: Buffer): AsyncGenerator<Buffer> {
    yield chunk;
    throw new Error('the disk is gone');
  }

  it.each([
    ['gzip, amid a member', 'gzip', gzipSync(TEXT).subarray(0, -8)],
    ['gzip, behind a member', 'gzip', gzipSync(TEXT)],
    ['zstd, amid a frame', 'zstd', Buffer.concat([zstdCompressSync(TEXT), zstdCompressSync(TEXT).subarray(0, -2)])],
    ['zstd, behind a frame', 'zstd', zstdCompressSync(TEXT)],
  ] as const)('comes before the failure, however busy the decoder is (%s)', async (_, compression, bytes) => {
    // The decoder works on a thread of the pool: while all of them are taken, the input has long failed.
    const busy = Array.from({ length: 8 }, () => deriveKey('password', 'salt', 100_000, 32, 'sha256'));
    const decompression = decompress(failing(bytes), compression);
    const { value } = await decompression.next();
    expect(value?.toString()).toBe(TEXT);
    await expect(decompression.next()).rejects.toThrow('the disk is gone');
    await expect(decompression.next()).rejects.toThrow('the disk is gone');
    decompression.close();
    await Promise.all(busy);
  });
});
