import { Readable } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { ServiceError } from '../../src/errors/index.js';
import { RangedFile } from '../../src/storage/index.js';

const PIECE = 1_000;
/** Four pieces and a bit. */
const content = Buffer.from(Array.from({ length: 4 * PIECE + 17 }, (_, index) => index % 251));

type Fetch = (from: number, to: number, signal: AbortSignal) => Promise<Readable>;

const give: Fetch = async (from, to) => Readable.from([content.subarray(from, to)], { objectMode: false });
const hang: Fetch = (_from, _to, signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
/** A body that ends only by being destroyed. */
const silent = (): Readable => new Readable({ read: () => undefined });

/** A byte each 5 ms. */
const trickle = (): Readable =>
  new Readable({
    read() {
      setTimeout(() => this.push(Buffer.alloc(1)), 5);
    },
  });

/** `asked`: the first bytes of the ranges so far. */
function fileOf(fetch: Fetch, idleMs = 60_000, sizeBytes = content.length) {
  const asked: number[] = [];
  const fetcher = {
    sizeBytes,
    pieceBytes: PIECE,
    fetch: (...given: Parameters<Fetch>) => {
      asked.push(given[0]);
      return fetch(...given);
    },
  };
  return { file: new RangedFile(fetcher, idleMs), asked };
}

async function read(file: RangedFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

describe('a file that is fetched in ranges', () => {
  it('reads the bytes that are there, in whatever order, although answers come late, in bits, and break off', async () => {
    const reads = fc.array(fc.tuple(fc.nat({ max: content.length + 20 }), fc.nat({ max: 2_500 })), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(reads, fc.constantFrom(7, 100, PIECE), fc.nat({ max: 3 }), async (wanted, chunk, breakAt) => {
        let count = 0;
        const { file } = fileOf(async (from, to) => {
          // The first answers end early.
          const end = count++ < breakAt ? Math.ceil((from + to) / 2) : to;
          for (let ticks = (from / PIECE) % 3; ticks > 0; ticks--) await setImmediate();
          const chunks: Buffer[] = [];
          for (let at = from; at < end; at += chunk) chunks.push(content.subarray(at, Math.min(at + chunk, end)));
          return Readable.from(chunks, { objectMode: false });
        });
        for (const [position, length] of wanted) {
          const found = await read(file, position, length);
          expect(found.equals(content.subarray(position, position + length))).toBe(true);
        }
        await file.close();
      }),
      { numRuns: 25 },
    );
  });

  it('reads several places at a time', async () => {
    const { file } = fileOf(give);
    const places = [3_900, 0, 2_500, 1_000, 4_010, 10];
    const found = await Promise.all(places.map((place) => read(file, place, 200)));
    expect(found).toEqual(places.map((place) => content.subarray(place, place + 200)));
    await file.close();
  });

  it('has one piece more in flight each time that the next one comes late, three ahead at most', async () => {
    const size = 20 * PIECE;
    const gates = Array.from({ length: 20 }, () => Promise.withResolvers<void>());
    const gated: Fetch = async (from, to) => {
      await gates[from / PIECE]?.promise;
      return Readable.from([Buffer.alloc(to - from)]);
    };
    const { file, asked } = fileOf(gated, 60_000, size);
    const ahead: number[] = [];
    for (let piece = 0; piece < 20; piece++) {
      const reading = read(file, piece * PIECE, PIECE);
      // Only now, when the reader has come to it.
      gates[piece]?.resolve();
      await reading;
      ahead.push(asked.length - 1 - piece);
    }
    expect(ahead.slice(0, 6)).toEqual([1, 2, 3, 3, 3, 3]);
    expect(asked).toEqual(Array.from({ length: 20 }, (_, piece) => piece * PIECE));
    await file.close();
  });

  it('takes the memory and the connection of a piece for the next one, also if its body ends after its bytes', async () => {
    const size = 20 * PIECE;
    const aborted: number[] = [];
    const { allocUnsafeSlow } = Buffer;
    const buffers: Buffer[] = [];
    Buffer.allocUnsafeSlow = (bytes) => {
      const buffer = allocUnsafeSlow(bytes);
      if (bytes === PIECE) buffers.push(buffer);
      return buffer;
    };
    const { file } = fileOf(
      async (from, to, signal) => {
        signal.addEventListener('abort', () => aborted.push(from));
        const body = silent();
        body.push(Buffer.alloc(to - from));
        setTimeout(() => body.push(null), 5);
        return body;
      },
      1_000,
      size,
    );
    for (let at = 0; at < size; at += PIECE) {
      await read(file, at, PIECE);
      // All of the next one is there when the reader comes to it.
      await setImmediate();
    }
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
    expect(aborted).toEqual([]);
    expect(buffers).toHaveLength(2);
    await file.close();
    // Given back, without waiting for the collector.
    expect(buffers.map(({ byteLength }) => byteLength)).toEqual([0, 0]);
  });

  it('reads nothing ahead of a reader that jumps', async () => {
    const { file, asked } = fileOf(give);
    await read(file, 3_100, 10);
    await read(file, 1_200, 10);
    expect(asked).toEqual([3_000, 1_000]);
    await file.close();
  });

  it('tells of an error ahead only who comes to that piece, and has it fetched anew then', async () => {
    const gone = new ServiceError('SOURCE_CHANGED', 'it is another');
    let isBroken = true;
    const { file } = fileOf(async (from, ...rest) => {
      if (isBroken && from === PIECE) throw gone;
      return give(from, ...rest);
    });
    expect(await read(file, 0, PIECE)).toEqual(content.subarray(0, PIECE));
    await expect(read(file, PIECE, 10)).rejects.toBe(gone);
    isBroken = false;
    expect(await read(file, PIECE, 10)).toEqual(content.subarray(PIECE, PIECE + 10));
    await file.close();
  });

  it('gives a range up that breaks four times without a byte, and says what the system calls it', async () => {
    const { file, asked } = fileOf(() => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' })));
    await expect(read(file, 1, 10)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(asked).toEqual([0, 0, 0, 0]);
    await file.close();
  });

  it('waits for a server that says nothing no longer than twice', async () => {
    const { file, asked } = fileOf(hang, 100);
    await expect(read(file, 1, 10)).rejects.toMatchObject({ code: 'IdleBody' });
    expect(asked).toEqual([0, 0]);
    await file.close();
  });

  it('gives a body up at once that brings a byte now and then', async () => {
    const bodies: Readable[] = [];
    const fetch = async (): Promise<Readable> => {
      bodies.push(trickle());
      return bodies.at(-1) as Readable;
    };
    const file = new RangedFile({ sizeBytes: PIECE, pieceBytes: PIECE, fetch }, 60_000, { bytes: 500, ms: 50 });
    await expect(read(file, 0, PIECE)).rejects.toMatchObject({ code: 'SlowBody' });
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true]);
    await file.close();
  });

  it('lets go of a body that brings nothing', async () => {
    const bodies: Readable[] = [];
    const { file } = fileOf(async () => {
      bodies.push(silent());
      return bodies.at(-1) as Readable;
    }, 20);
    await expect(read(file, 1, 10)).rejects.toMatchObject({ code: 'IdleBody' });
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    await file.close();
  });

  it('ends the request of an attempt that failed, whatever its source has left open', async () => {
    const signals: AbortSignal[] = [];
    const { file } = fileOf(async (_from, _to, signal) => {
      signals.push(signal);
      throw new ServiceError('SOURCE_UNSUPPORTED', 'it is compressed on the way');
    });
    await expect(read(file, 1, 10)).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await file.close();
  });

  it('takes no more bytes than it has asked for', async () => {
    const { file } = fileOf(async () => Readable.from([Buffer.alloc(PIECE + 1)], { objectMode: false }));
    await expect(read(file, 1, 10)).rejects.toMatchObject({ message: 'The storage did not answer as expected' });
    await file.close();
  });

  it('ends everything that is under way when it is closed, at once', async () => {
    const signals: AbortSignal[] = [];
    const { file } = fileOf((...given) => {
      signals.push(given[2]);
      return given[0] === 0 ? give(...given) : hang(...given);
    });
    await read(file, 0, 10);
    const waiting = read(file, PIECE, 10).catch((error: unknown) => error);
    await sleep(10);
    const before = performance.now();
    await file.close();
    expect(await waiting).toMatchObject({ name: 'AbortError' });
    expect(performance.now() - before).toBeLessThan(30_000);
    expect(signals.slice(1).every(({ aborted }) => aborted)).toBe(true);
    await expect(read(file, 0, 10)).rejects.toThrow('closed');
  });

  it('keeps the piece that is being read, however many ranges of it there are', async () => {
    const MiB = 1024 ** 2;
    const size = 16 * MiB;
    let aborted = 0;
    const fetch = async (from: number, to: number, signal: AbortSignal): Promise<Readable> => {
      signal.addEventListener('abort', () => {
        aborted += from === 7 * MiB ? 1 : 0;
      });
      await sleep(20);
      return Readable.from([Buffer.alloc(to - from)], { objectMode: false });
    };
    const file = new RangedFile({ sizeBytes: size, pieceBytes: 8 * MiB, fetch }, 1_000);
    const some = Buffer.alloc(MiB);
    // From the end to the beginning, as a reader of Parquet may go.
    const first = file.read(some, 0, 1, 7 * MiB);
    await Promise.all([first, ...[6, 5, 4].map((place) => file.read(some, 0, 1, place * MiB))]);
    await file.read(Buffer.alloc(3 * MiB), 0, 3 * MiB, 4 * MiB);
    await file.read(some, 0, MiB, 7 * MiB);
    expect(aborted).toBe(0);
    await file.close();
  });
});
