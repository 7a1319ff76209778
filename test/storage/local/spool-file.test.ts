import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { HashFailure } from '../../../src/storage/hash-failure.js';
import { HashThread } from '../../../src/storage/local/hash-thread.js';
import { SpoolFile, unwritten } from '../../../src/storage/local/spool-file.js';

const MiB = 1024 ** 2;

describe('a spool file', () => {
  let folder: string;
  let hashes: HashThread;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-file-'));
    hashes = new HashThread();
  });
  afterEach(async () => {
    await hashes.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function newFile(name: string): SpoolFile {
    return new SpoolFile(join(folder, name), hashes);
  }

  /** Writes more than is hashed on this thread; resolves when the other one has been told. */
  async function begin(file: SpoolFile, chunk = Buffer.alloc(MiB, 'a')): Promise<void> {
    await new Promise<void>((resolve, reject) => file.write(chunk, (error) => (error ? reject(error) : resolve())));
  }

  /** The whole way of a file whose hash is right. */
  async function store(name: string, chunks: readonly Buffer[]): Promise<void> {
    const file = newFile(name);
    await pipeline(Readable.from(chunks), file);
    expect(file.sha256).toBe(sha256(Buffer.concat(chunks)));
  }

  it('holds what was written and has its hash, however it was cut', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 8 });
    let at = 0;
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const chunks = lengths.map((length, index) => Buffer.alloc(length, String(index)));
        const file = newFile(String(at++));
        await pipeline(Readable.from(chunks), file);
        const expected = Buffer.concat(chunks);
        expect((await readFile(file.path)).equals(expected)).toBe(true);
        expect(file.bytesWritten).toBe(expected.length);
        expect(file.sha256).toBe(sha256(expected));
      }),
      { numRuns: 15 },
    );
  });

  it('has the right hash while others are written, however their chunks are cut', async () => {
    const sizes = [1, 65_521, 524_287, 524_288, 524_289, 1_000_003, 2 * MiB, 3 * MiB + 1];
    const files = sizes.map((size, index) =>
      Array.from({ length: Math.min(200, Math.ceil((9 * MiB) / size)) }, (_, at) =>
        Buffer.alloc(size, `${index} ${at}`),
      ),
    );
    await Promise.all(files.map((chunks, index) => store(String(index), chunks)));
  });

  it('has no hash before it is whole', async () => {
    const file = newFile('a');
    await begin(file);
    expect(() => file.sha256).toThrow('not whole');
    file.destroy();
    await once(file, 'close');
  });

  it('fails at once when the thread that hashes ends, and the next one has another thread', async () => {
    const files = [newFile('a'), newFile('b')];
    const failures = files.map((file) => once(file, 'error'));
    for (const file of files) await begin(file);
    await hashes.stop();
    for (const failure of failures) expect(await failure).toEqual([expect.any(HashFailure)]);
    for (const file of files) expect(() => file.sha256).toThrow('not whole');
    await store('c', [Buffer.alloc(3 * MiB, 'c')]);
  });

  it('fails where it cannot be read back, and no other one does', async () => {
    const [lost, kept] = [newFile('a'), newFile('b')];
    await begin(kept);
    await begin(lost, Buffer.from('a'));
    await rm(lost.path);
    const failure = expect(pipeline(Readable.from([Buffer.alloc(MiB), Buffer.alloc(MiB)]), lost)).rejects;
    await failure.toMatchObject({ name: 'HashFailure', cause: { message: expect.stringContaining('ENOENT') } });
    expect(() => lost.sha256).toThrow('not whole');
    kept.end();
    await once(kept, 'finish');
    expect(kept.sha256).toBe(sha256(Buffer.alloc(MiB, 'a')));
  });

  it('has no hash of less than was written', async () => {
    await writeFile(join(folder, 'a'), 'short');
    const hash = hashes.begin(join(folder, 'a'));
    hash.written(6);
    hash.end();
    await expect(hash.digest).rejects.toMatchObject({ cause: { message: 'The file ends at 5 of 6 bytes' } });
  });

  it('is closed by both threads when it is cut off', async () => {
    const [early, late] = [newFile('a'), newFile('b')];
    early.write(Buffer.alloc(MiB));
    for (let written = 0; written < 4; written++) await begin(late);
    for (const file of [early, late]) {
      file.destroy();
      await once(file, 'close');
    }
    // The thread takes one message after the other.
    await store('c', [Buffer.alloc(MiB)]);
    expect(openFiles().filter((path) => path.startsWith(folder))).toEqual([]);
  });

  it('keeps no process alive', async () => {
    const ports = (): string[] => process.getActiveResourcesInfo().filter((type) => type === 'MessagePort');
    const before = ports();
    const file = newFile('a');
    await begin(file);
    expect(ports()).toEqual(before);
    file.end();
    await once(file, 'finish');
    expect(ports()).toEqual(before);
  });

  it('is nobody else’s to read', async () => {
    const file = newFile('a');
    await pipeline(Readable.from([Buffer.from('a')]), file);
    expect((await stat(file.path)).mode & 0o077).toBe(0);
  });

  it('never takes the place of another', async () => {
    await writeFile(join(folder, 'a'), 'kept');
    const file = newFile('a');
    await expect(pipeline(Readable.from([Buffer.from('b')]), file)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(file.path, 'utf8')).toBe('kept');
  });

  it('goes on where the system took only a part', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 5 }), { maxLength: 6 });
    fc.assert(
      fc.property(chunks, fc.nat(40), (arrays, taken) => {
        const all = Buffer.concat(arrays);
        const left = unwritten(
          arrays.map((array) => Buffer.from(array)),
          taken,
        );
        expect(Buffer.concat(left).equals(all.subarray(taken))).toBe(true);
        expect(left.every((chunk) => chunk.length > 0)).toBe(true);
      }),
    );
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The paths behind the descriptors of this process. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      return []; // the one that the folder was read by
    }
  });
}
