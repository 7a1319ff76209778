import { createHash } from 'node:crypto';
import type { ReadableFile } from '../../src/decoding/index.js';
import { checkExpectation } from '../../src/delivery/check-expectation.js';
import { ServiceError } from '../../src/errors/index.js';

const content = Buffer.alloc(2_500_000, 'abc');
const sha256 = createHash('sha256').update(content).digest('hex');
const never = new AbortController().signal;

class Memory implements ReadableFile {
  reads = 0;
  failure: ServiceError | null = null;

  constructor(private readonly onRead: () => void = () => undefined) {}

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    this.reads += 1;
    this.onRead();
    return { bytesRead: content.copy(buffer, offset, position, position + length) };
  }
}

const job = (expect: object, known: string | null = null) => ({
  options: { expect },
  sizeBytes: content.length,
  sha256: known,
});

describe('the file of a job, before its first row', () => {
  it.each([[{}], [{ rows: 3 }], [{ bytes: content.length }], [{ sha256, bytes: content.length }]])(
    'is as expected: %j',
    async (expectation) => {
      expect(await checkExpectation(job(expectation), new Memory(), never)).toBeNull();
    },
  );

  it('has another hash, or another size, for which it need not be read', async () => {
    const file = new Memory();
    expect(await checkExpectation(job({ bytes: 1, sha256 }), file, never)).toEqual({
      code: 'EXPECTATION_FAILED',
      detail: `the file has ${content.length} bytes instead of 1`,
    });
    expect(await checkExpectation(job({ sha256 }, 'b'.repeat(64)), file, never)).toMatchObject({
      detail: `the file has the SHA-256 ${'b'.repeat(64)} instead of ${sha256}`,
    });
    expect([await checkExpectation(job({ sha256 }, sha256), file, never), file.reads]).toEqual([null, 0]);
    expect(await checkExpectation(job({ sha256: '0'.repeat(64) }), file, never)).toMatchObject({
      code: 'EXPECTATION_FAILED',
      detail: expect.stringContaining(sha256),
    });
  });

  it('is not read on when the job is to end', async () => {
    const stop = new AbortController();
    const file = new Memory(() => stop.abort());
    expect([await checkExpectation(job({ sha256: '0'.repeat(64) }), file, stop.signal), file.reads]).toEqual([null, 1]);
  });

  it('is not waited for when the job is to end, though it hangs', async () => {
    const stop = new AbortController();
    const { promise: hanging, reject } = Promise.withResolvers<{ bytesRead: number }>();
    const file = { failure: null, read: () => hanging };
    const checked = checkExpectation(job({ sha256 }), file, stop.signal);
    stop.abort();
    expect(await checked).toBeNull();
    // As when the file is closed.
    reject(new Error('The file is closed'));
  });

  it('cannot be read: its failure is told, a defect is thrown', async () => {
    const fails = (error: Error) =>
      checkExpectation(
        job({ sha256 }),
        new Memory(() => {
          throw error;
        }),
        never,
      );
    expect(await fails(new ServiceError('SOURCE_CHANGED', 'it is another'))).toEqual({
      code: 'SOURCE_CHANGED',
      detail: 'it is another',
    });
    await expect(fails(new TypeError('a defect'))).rejects.toThrow('a defect');
  });
});
