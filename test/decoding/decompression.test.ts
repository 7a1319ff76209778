import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { decompress } from '../../src/decoding/decompression.js';

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
