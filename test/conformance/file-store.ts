import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import type { FileLocation, FileStore, IncomingFile } from '../../src/storage/index.js';
import { openFile, StoredFile } from '../../src/storage/index.js';

const MiB = 1024 ** 2;

/** One store of uploaded files, which the suite opens and closes again and again, as processes would one after the other. */
export interface FileStoreUnderTest {
  /** The store, not opened. */
  connect(): FileStore;
  /** Cuts the last byte off a committed file. */
  truncate(jobId: string): Promise<void>;
  /** Whether any byte of a file is left, whoever has it. */
  isEmpty(): Promise<boolean>;
  /** Forgets every file, and frees what the store takes. */
  dispose(): Promise<void>;
}

/** What every FileStore does, whatever is behind it. */
export function describesFileStore(name: string, setUp: () => Promise<FileStoreUnderTest>): void {
  describe(`a file store: ${name}`, () => {
    let storage: FileStoreUnderTest;
    let files: FileStore;

    beforeEach(async () => {
      storage = await setUp();
      files = storage.connect();
      await files.open();
    });
    afterEach(async () => {
      await files.close();
      await storage.dispose();
    });

    async function receive(...chunks: readonly (Buffer | string)[]): Promise<IncomingFile> {
      const file = files.create();
      await pipeline(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), file.body);
      return file;
    }

    async function commit(jobId: string, ...chunks: readonly (Buffer | string)[]): Promise<void> {
      await (await receive(...chunks)).commit(jobId);
    }

    const at = (jobId: string): Promise<Buffer> => contentOf(files.location(jobId));

    it('can be opened again, and is empty at first', async () => {
      await files.open();
      expect([await files.list(), await files.has('aaaaaaaa')]).toEqual([[], false]);
    });

    it('has a file for its job, with the bytes that came and their hash, however they were cut', async () => {
      const sizes = fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(sizes, async (lengths) => {
          const chunks = lengths.map((length, index) => Buffer.alloc(length, String(index)));
          const expected = Buffer.concat(chunks);
          const file = await receive(...chunks);
          expect([file.sizeBytes, file.sha256]).toEqual([expected.length, sha256(expected)]);
          expect((await contentOf(file.location)).equals(expected)).toBe(true);
          await file.commit('aaaaaaaa');
          expect((await at('aaaaaaaa')).equals(expected)).toBe(true);
          expect((await contentOf(file.location)).equals(expected)).toBe(true);
          await files.remove('aaaaaaaa');
        }),
        { numRuns: 10 },
      );
    });

    it('takes files at the same time, each larger than any buffer', async () => {
      const contents = Array.from({ length: 3 }, () => randomBytes(20 * MiB + 1));
      await Promise.all(contents.map((content, index) => commit(`aaaaaaa${index}`, ...cut(content, 65_536))));
      for (const [index, content] of contents.entries()) {
        expect((await at(`aaaaaaa${index}`)).equals(content)).toBe(true);
      }
      expect((await files.list()).toSorted()).toEqual(['aaaaaaa0', 'aaaaaaa1', 'aaaaaaa2']);
    });

    it('has no hash of a file that is not whole', async () => {
      const file = files.create();
      await new Promise((resolve) => file.body.write('id\n', resolve));
      expect(() => file.sha256).toThrow('not whole');
      file.body.destroy();
      await file.remove();
    });

    it('reads a file from any position, and nothing behind its end', async () => {
      const content = randomBytes(9 * MiB + 7);
      await commit('aaaaaaaa', content);
      const file = await openFile(files.location('aaaaaaaa'));
      try {
        expect(file.sizeBytes).toBe(content.length);
        const buffer = Buffer.alloc(70_000);
        for (const position of [0, 1, 8 * MiB - 3, 4 * MiB, content.length - 5, 17]) {
          const { bytesRead } = await file.read(buffer, 10, 60_000, position);
          expect(bytesRead).toBeGreaterThan(0);
          const read = buffer.subarray(10, 10 + bytesRead);
          expect(read.equals(content.subarray(position, position + bytesRead))).toBe(true);
        }
        expect(await file.read(buffer, 0, 10, content.length)).toMatchObject({ bytesRead: 0 });
        expect(await file.read(buffer, 0, 10, content.length + 9 * MiB)).toMatchObject({ bytesRead: 0 });
        const [one, two] = [Buffer.alloc(1000), Buffer.alloc(1000)];
        await Promise.all([file.read(one, 0, 1000, 9 * MiB - 1000), file.read(two, 0, 1000, 0)]);
        expect(one.equals(content.subarray(9 * MiB - 1000, 9 * MiB))).toBe(true);
        expect(two.equals(content.subarray(0, 1000))).toBe(true);
      } finally {
        await file.close();
      }
    });

    it('gives a file to another job, if the first id was taken', async () => {
      const file = await receive('id\n');
      await file.commit('aaaaaaaa');
      await file.commit('bbbbbbbb');
      expect([await files.has('aaaaaaaa'), await files.list()]).toEqual([false, ['bbbbbbbb']]);
      await files.remove('aaaaaaaa');
      expect(String(await at('bbbbbbbb'))).toBe('id\n');
    });

    it('removes a file that no job took, whatever has become of it', async () => {
      const early = await receive('id\n');
      await early.remove();
      const late = await receive('id\n');
      await late.commit('aaaaaaaa');
      await late.remove();
      await late.remove();
      expect([await files.list(), await files.removeUncommitted()]).toEqual([[], 0]);
      expect(await storage.isEmpty()).toBe(true);
    });

    it('leaves nothing of a file that was cut off', async () => {
      for (const written of [0, 1, 10 * MiB]) {
        const file = files.create();
        if (written > 0) await new Promise((resolve) => file.body.write(Buffer.alloc(written), resolve));
        file.body.destroy();
        await file.remove();
        expect(await storage.isEmpty()).toBe(true);
      }
      expect([await files.list(), await files.removeUncommitted()]).toEqual([[], 0]);
    });

    it('removes the file of a job once, and minds no second time', async () => {
      await commit('aaaaaaaa', 'id\n');
      expect(await files.has('aaaaaaaa')).toBe(true);
      await files.remove('aaaaaaaa');
      await files.remove('aaaaaaaa');
      expect([await files.has('aaaaaaaa'), await files.list()]).toEqual([false, []]);
      expect(await storage.isEmpty()).toBe(true);
    });

    it('shares a kept file, of which each holder removes its own', async () => {
      const content = randomBytes(9 * MiB);
      await commit('aaaaaaaa', content);
      await (await files.share('aaaaaaaa', content.length)).remove();
      const shared = await files.share('aaaaaaaa', content.length);
      expect((await contentOf(shared.location)).equals(content)).toBe(true);
      await shared.commit('bbbbbbbb');
      await files.remove('aaaaaaaa');
      expect((await at('bbbbbbbb')).equals(content)).toBe(true);
      await expect(files.share('aaaaaaaa', content.length)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
      await files.remove('bbbbbbbb');
      expect([await files.removeUncommitted(), await storage.isEmpty()]).toEqual([0, true]);
    });

    it('keeps what is committed when its process is gone, and forgets the rest once told to', async () => {
      await commit('aaaaaaaa', 'whole');
      await receive('half');
      await files.share('aaaaaaaa', 5);
      await files.close();
      files = storage.connect();
      await files.open();
      expect(await files.removeUncommitted()).toBe(2);
      expect(await files.list()).toEqual(['aaaaaaaa']);
      expect(String(await at('aaaaaaaa'))).toBe('whole');
      await files.remove('aaaaaaaa');
      expect(await storage.isEmpty()).toBe(true);
    });

    it('keeps a file that no job knows aside, until its time has come', async () => {
      await commit('aaaaaaaa', 'id\n');
      const before = Date.now() - 60_000;
      expect(await files.moveAside('aaaaaaaa', Date.now())).toContain('orphans/aaaaaaaa');
      expect([await files.has('aaaaaaaa'), await files.list()]).toEqual([false, []]);
      await expect(files.share('aaaaaaaa', 3)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
      expect(await files.removeOrphans(before)).toEqual([]);
      expect(await files.removeOrphans(Date.now() + 60_000)).toEqual(['aaaaaaaa']);
      expect(await files.removeOrphans(Date.now() + 60_000)).toEqual([]);
      expect(await storage.isEmpty()).toBe(true);
    });

    it('says that a file is corrupt if it is gone or not whole, and says so at once', async () => {
      const stored = (sizeBytes: number): StoredFile =>
        new StoredFile({
          location: files.location('aaaaaaaa'),
          sizeBytes,
          timeoutMs: 60_000,
          log: pino({ level: 'silent' }),
        });
      const failure = async (file: StoredFile): Promise<unknown> => {
        const buffer = Buffer.alloc(MiB);
        try {
          for (let position = 0; ; ) {
            const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
            if (bytesRead === 0) return null;
            position += bytesRead;
          }
        } catch (error) {
          return error;
        } finally {
          await file.close();
        }
      };
      const gone = { code: 'FILE_CORRUPT', message: 'the stored file is gone' };
      expect(await failure(stored(3))).toMatchObject(gone);
      await commit('aaaaaaaa', randomBytes(3 * MiB));
      expect(await failure(stored(3 * MiB))).toBeNull();
      expect(await failure(stored(3 * MiB + 1))).toMatchObject({ code: 'FILE_CORRUPT' });
      await storage.truncate('aaaaaaaa');
      expect(await failure(stored(3 * MiB))).toMatchObject({ code: 'FILE_CORRUPT' });
      await files.remove('aaaaaaaa');
      expect(await failure(stored(3 * MiB))).toMatchObject(gone);
    });

    it('is writable, and has room', async () => {
      await Promise.all([files.requireWritable(), files.requireWritable()]);
      await files.requireRoom(1);
      expect(await files.removeUncommitted()).toBe(0);
    });
  });
}

async function contentOf(location: FileLocation): Promise<Buffer> {
  const file = await openFile(location);
  try {
    const content = Buffer.alloc(file.sizeBytes);
    for (let size = 0; size < content.length; ) {
      const { bytesRead } = await file.read(content, size, Math.min(300_000, content.length - size), size);
      if (bytesRead === 0) throw new Error(`The file ends at ${size} of ${content.length} bytes`);
      size += bytesRead;
    }
    return content;
  } finally {
    await file.close();
  }
}

function* cut(content: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
