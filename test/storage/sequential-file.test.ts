import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { ServiceError } from '../../src/errors/index.js';
import { SequentialFile } from '../../src/storage/index.js';

const content = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251));

/** Gives the content in chunks of this size, and counts how often it was asked. */
function fileOf(chunkBytes: number, idleMs = 1_000) {
  let fetches = 0;
  const fetch = async (): Promise<Readable> => {
    fetches += 1;
    const chunks: Buffer[] = [];
    for (let at = 0; at < content.length; at += chunkBytes) chunks.push(content.subarray(at, at + chunkBytes));
    return Readable.from(chunks, { objectMode: false });
  };
  return { file: new SequentialFile({ sizeBytes: content.length, fetch }, idleMs), fetches: () => fetches };
}

async function read(file: SequentialFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

describe('a file that is only given as a whole', () => {
  it('reads the bytes that are there, in whatever order it is asked, also at once', async () => {
    const reads = fc.array(fc.tuple(fc.nat({ max: 1_050 }), fc.nat({ max: 300 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(reads, fc.constantFrom(1, 5, 64, 1_000), fc.boolean(), async (wanted, chunkBytes, atOnce) => {
        const { file } = fileOf(chunkBytes);
        const one = ([position, length]: [number, number]) => read(file, position, length);
        const found: Buffer[] = [];
        if (atOnce) found.push(...(await Promise.all(wanted.map(one))));
        else for (const each of wanted) found.push(await one(each));
        expect(found).toEqual(wanted.map(([position, length]) => content.subarray(position, position + length)));
        await file.close();
      }),
    );
  });

  it('is asked for once as long as it is read forward', async () => {
    const { file, fetches } = fileOf(100);
    for (const position of [0, 10, 500, 990]) await read(file, position, 10);
    expect(fetches()).toBe(1);
    await read(file, 0, 10);
    expect(fetches()).toBe(2);
    await file.close();
    await expect(read(file, 0, 10)).rejects.toThrow('closed');
  });

  it.each<[string, () => Readable, object]>([
    ['ends early', () => Readable.from([content.subarray(0, 10)], { objectMode: false }), { code: 'TruncatedBody' }],
    ['says nothing', () => new Readable({ read: () => undefined }), { code: 'IdleBody' }],
    [
      'breaks',
      () =>
        new Readable({
          read() {
            this.destroy(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
          },
        }),
      { code: 'ECONNRESET' },
    ],
  ])('fails if its body %s, and may be read again', async (_what, body, failure) => {
    let isBroken = true;
    const fetch = async () => (isBroken ? body() : Readable.from([content], { objectMode: false }));
    const file = new SequentialFile({ sizeBytes: content.length, fetch }, 50);
    await expect(read(file, 0, 100)).rejects.toMatchObject(failure);
    isBroken = false;
    expect(await read(file, 0, 100)).toEqual(content.subarray(0, 100));
    await file.close();
  });

  it('gives a body up that brings a byte now and then', async () => {
    const body = new Readable({
      read() {
        setTimeout(() => this.push(Buffer.alloc(1)), 5);
      },
    });
    const fetcher = { sizeBytes: content.length, fetch: async () => body };
    const file = new SequentialFile(fetcher, 60_000, { bytes: 500, ms: 50 });
    await expect(read(file, 0, 1_000)).rejects.toMatchObject({ code: 'SlowBody' });
    expect(body.destroyed).toBe(true);
    await file.close();
  });

  it.each<[string, (signal: AbortSignal) => Promise<Readable>]>([
    [
      'that is not answered',
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    ],
    ['whose body does not begin', async () => new Readable({ read: () => undefined })],
  ])('ends a request %s when it is closed, at once', async (_what, fetch) => {
    const file = new SequentialFile({ sizeBytes: content.length, fetch }, 60_000);
    const waiting = read(file, 0, 10).catch((error: unknown) => error);
    await sleep(10);
    const before = performance.now();
    await file.close();
    expect(performance.now() - before).toBeLessThan(30_000);
    expect(await waiting).toMatchObject({ code: 'Closed' });
  });

  it('ends the request of an answer that its source has refused', async () => {
    const signals: AbortSignal[] = [];
    const fetch = (signal: AbortSignal): Promise<Readable> => {
      signals.push(signal);
      return Promise.reject(new ServiceError('SOURCE_UNSUPPORTED', 'it is compressed on the way'));
    };
    const file = new SequentialFile({ sizeBytes: 1, fetch }, 50);
    await expect(read(file, 0, 1)).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await file.close();
  });

  it('throws what its source says as it is', async () => {
    const error = new ServiceError('SOURCE_CHANGED', 'it is another');
    const file = new SequentialFile({ sizeBytes: 1, fetch: () => Promise.reject(error) }, 50);
    await expect(read(file, 0, 1)).rejects.toBe(error);
    await file.close();
  });
});
