import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { SpoolFile, unwritten } from '../../src/upload/spool-file.js';

describe('a spool file', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-file-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('holds what was written and has its hash, however it was cut', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 8 });
    let at = 0;
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const chunks = lengths.map((length, index) => Buffer.alloc(length, String(index)));
        const file = new SpoolFile(join(folder, String(at++)));
        await pipeline(Readable.from(chunks), file);
        const expected = Buffer.concat(chunks);
        expect((await readFile(file.path)).equals(expected)).toBe(true);
        expect(file.bytesWritten).toBe(expected.length);
        expect(file.sha256()).toBe(createHash('sha256').update(expected).digest('hex'));
      }),
      { numRuns: 15 },
    );
  });

  it('is nobody else’s to read', async () => {
    const file = new SpoolFile(join(folder, 'a'));
    await pipeline(Readable.from([Buffer.from('a')]), file);
    expect((await stat(file.path)).mode & 0o077).toBe(0);
  });

  it('never takes the place of another', async () => {
    await writeFile(join(folder, 'a'), 'kept');
    const file = new SpoolFile(join(folder, 'a'));
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
