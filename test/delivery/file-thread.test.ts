import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { type FileRequest, FileRequests } from '../../src/delivery/file-requests.js';
import { FileThread } from '../../src/delivery/file-thread.js';
import { ServiceError } from '../../src/errors/index.js';
import type { JobSource } from '../../src/sources/index.js';
import type { OpenFile, ThreadWorker } from '../../src/storage/index.js';

const BYTES = Buffer.from(Array.from({ length: 3_500_001 }, (_, index) => (index * 31 + (index >> 8)) & 0xff));

class FakeFile implements OpenFile {
  reads: [position: number, length: number][] = [];
  isClosed = false;
  failure: Error | undefined;

  constructor(readonly sizeBytes = BYTES.length) {}

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    this.reads.push([position, length]);
    await turn();
    if (this.failure !== undefined) throw this.failure;
    return { bytesRead: BYTES.copy(buffer, offset, position, Math.min(position + length, this.sizeBytes)) };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

describe('a thread that reads files', () => {
  const ports: MessagePort[] = [];
  let file: FakeFile;
  let thread: FileThread;

  /** As the worker does it, on this thread. */
  function startWorker(open: () => Promise<OpenFile>): ThreadWorker {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const requests = new FileRequests({ open });
    port2.on('message', async (request: FileRequest) => port2.postMessage(await requests.answer(request)));
    return port1 as unknown as ThreadWorker;
  }

  const source: JobSource = { uri: 's3://bucket/key', version: 'v', sizeBytes: BYTES.length };
  beforeEach(() => {
    file = new FakeFile();
    thread = new FileThread(() => startWorker(async () => file));
  });
  afterEach(() => {
    for (const port of ports.splice(0)) port.close();
  });

  async function read(opened: OpenFile, position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length + 2, 0xee);
    const { bytesRead } = await opened.read(buffer, 1, length, position);
    expect([buffer[0], buffer[bytesRead + 1]]).toEqual([0xee, 0xee]);
    return buffer.subarray(1, bytesRead + 1);
  }

  it('gives the bytes that are asked for, wherever they lie', async () => {
    const places = fc.array(fc.tuple(fc.nat(BYTES.length + 10), fc.nat(2_500_000)), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(places, fc.boolean(), async (reads, goesOn) => {
        const opened = await thread.open(source);
        let at = 0;
        for (const [anywhere, length] of reads) {
          const position = goesOn ? at : anywhere;
          const bytes = await read(opened, position, length);
          expect(bytes.equals(BYTES.subarray(position, position + length))).toBe(true);
          at = position + bytes.length;
        }
        await opened.close();
      }),
      { numRuns: 50 },
    );
  });

  it('fills the next block while one is read, and asks for no byte twice', async () => {
    const opened = await thread.open(source);
    expect(opened.sizeBytes).toBe(BYTES.length);
    await read(opened, 0, 10);
    expect(file.reads).toEqual([
      [0, 1_048_576],
      [1_048_576, 1_048_576],
    ]);
    for (let at = 10; at < BYTES.length; at += 100_000) await read(opened, at, 100_000);
    expect(file.reads).toEqual([0, 1, 2, 3].map((block) => [block * 1_048_576, block < 3 ? 1_048_576 : 354_273]));
    expect((await read(opened, BYTES.length, 10)).length).toBe(0);
  });

  it('asks for what is wanted only, if a reader jumps', async () => {
    const opened = await thread.open(source);
    await read(opened, 3_000_000, 8);
    await read(opened, 2_000_000, 100);
    expect(file.reads).toEqual([
      [3_000_000, 8],
      [2_000_000, 100],
    ]);
  });

  it('serves reads that are asked for at once, one after the other', async () => {
    const opened = await thread.open(source);
    const positions = [0, 2_000_000, 5, 3_400_000, 1_048_570];
    const all = await Promise.all(positions.map((position) => read(opened, position, 1_000)));
    for (const [index, bytes] of all.entries()) {
      const at = positions[index] as number;
      expect(bytes.equals(BYTES.subarray(at, at + 1_000))).toBe(true);
    }
  });

  it('passes errors on as they are, and reads on after one', async () => {
    const opened = await thread.open(source);
    const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    file.failure = Object.assign(new Error('no answer', { cause }), { code: 'TruncatedBody' });
    const failed = await read(opened, 0, 10).catch((error: unknown) => error);
    expect(failed).toMatchObject({ message: 'no answer', code: 'TruncatedBody', cause });
    expect(failed).not.toBeInstanceOf(ServiceError);
    file.failure = new ServiceError('SOURCE_CHANGED', 'another one', { hint: 'a hint', retryAfterS: 3, cause });
    const refused = await read(opened, 0, 10).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ServiceError);
    expect(refused).toMatchObject({ code: 'SOURCE_CHANGED', message: 'another one', hint: 'a hint', retryAfterS: 3 });
    file.failure = undefined;
    expect((await read(opened, 0, 10)).equals(BYTES.subarray(0, 10))).toBe(true);
  });

  it('fails if it gets less than there should be', async () => {
    const opened = await thread.open(source);
    Object.assign(file, { sizeBytes: 1_000 });
    await expect(read(opened, 0, 2_000)).rejects.toThrow('bytes are missing');
  });

  it('passes on why a file cannot be opened, and closes those that were', async () => {
    const refused = new FileThread(() =>
      startWorker(() => Promise.reject(new ServiceError('SOURCE_NOT_FOUND', 'gone'))),
    );
    await expect(refused.open(source)).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND', message: 'gone' });
    const opened = await thread.open(source);
    await opened.close();
    expect(file.isClosed).toBe(true);
    await expect(read(opened, 0, 10)).rejects.toThrow('The file is closed');
  });

  it('fails what it was asked if it dies, and starts another', async () => {
    let hangs = true;
    const workers: ThreadWorker[] = [];
    const both = new FileThread(() => {
      const worker = startWorker(async () => (hangs ? new Promise<never>(() => undefined) : file));
      workers.push(worker);
      return worker;
    });
    const opening = both.open(source);
    const died = once(ports[0] as MessagePort, 'error').catch(() => undefined);
    (ports[0] as MessagePort).emit('error', new Error('out of memory'));
    await expect(opening).rejects.toMatchObject({ code: 'ThreadEnded' });
    await died;
    hangs = false;
    const opened = await both.open(source);
    expect((await read(opened, 0, 10)).equals(BYTES.subarray(0, 10))).toBe(true);
    (workers[1] as unknown as MessagePort).emit('exit', 1);
    await expect(read(opened, 2_000_000, 10)).rejects.toMatchObject({ code: 'ThreadEnded' });
    await expect(opened.close()).rejects.toMatchObject({ code: 'ThreadEnded' });
  });
});
