import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import type { FileLocation, FileStore, IncomingFile } from '../../src/storage/index.js';
import { openFile, StoredFile } from '../../src/storage/index.js';

const MiB = 1024 ** 2;
const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';

/** One store of uploaded files, which the suite opens and closes again and again, as processes would one after the other, or beside each other. */
export interface FileStoreUnderTest {
  /** The store, not opened, as a process of an installation gets it. */
  connect(installationId?: string): FileStore;
  /** Cuts the last byte off a committed file. */
  truncate(key: string): Promise<void>;
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

    async function receive(key: string, ...chunks: readonly (Buffer | string)[]): Promise<IncomingFile> {
      const file = files.create(key);
      await pipeline(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), file.body);
      return file;
    }

    async function commit(key: string, ...chunks: readonly (Buffer | string)[]): Promise<void> {
      await (await receive(key, ...chunks)).commit(key);
    }

    const at = (key: string): Promise<Buffer> => contentOf(files.location(key));

    it('can be opened again, and is empty at first', async () => {
      await files.open();
      expect([await files.has(A), await storage.isEmpty()]).toEqual([false, true]);
    });

    it('has a file by its key, with the bytes that came and their hash, however they were cut', async () => {
      const sizes = fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(sizes, async (lengths) => {
          const chunks = lengths.map((length, index) => Buffer.alloc(length, String(index)));
          const expected = Buffer.concat(chunks);
          const file = await receive(A, ...chunks);
          expect([file.sizeBytes, file.sha256]).toEqual([expected.length, sha256(expected)]);
          expect((await contentOf(file.location)).equals(expected)).toBe(true);
          await file.commit(A);
          expect((await at(A)).equals(expected)).toBe(true);
          expect((await contentOf(file.location)).equals(expected)).toBe(true);
          await files.remove(A);
        }),
        { numRuns: 10 },
      );
    });

    it('takes files at the same time, each larger than any buffer', async () => {
      const contents = Array.from({ length: 3 }, () => randomBytes(20 * MiB + 1));
      await Promise.all(contents.map((content, index) => commit(keyOf(index), ...cut(content, 65_536))));
      for (const [index, content] of contents.entries()) {
        expect((await at(keyOf(index))).equals(content)).toBe(true);
      }
    });

    it('has no hash of a file that is not whole', async () => {
      const file = files.create(A);
      await new Promise((resolve) => file.body.write('id\n', resolve));
      expect(() => file.sha256).toThrow('not whole');
      file.body.destroy();
      await file.remove();
    });

    it('reads a file from any position, and nothing behind its end', async () => {
      const content = randomBytes(9 * MiB + 7);
      await commit(A, content);
      const file = await openFile(files.location(A));
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

    it('removes a file that no job took, whatever has become of it', async () => {
      const early = await receive(A, 'id\n');
      await early.remove();
      const late = await receive(B, 'id\n');
      await late.commit(B);
      await late.remove();
      await late.remove();
      expect([await files.has(B), await storage.isEmpty()]).toEqual([false, true]);
    });

    it('leaves nothing of a file that was cut off', async () => {
      for (const written of [0, 1, 10 * MiB]) {
        const file = files.create(A);
        if (written > 0) await new Promise((resolve) => file.body.write(Buffer.alloc(written), resolve));
        file.body.destroy();
        await file.remove();
        expect(await storage.isEmpty()).toBe(true);
      }
    });

    it('removes the file of a job once, and minds no second time', async () => {
      await commit(A, 'id\n');
      expect(await files.has(A)).toBe(true);
      await files.remove(A);
      await files.remove(A);
      expect(await files.has(A)).toBe(false);
      expect(await storage.isEmpty()).toBe(true);
    });

    it('shares a kept file, of which each holder removes its own', async () => {
      const content = randomBytes(9 * MiB);
      await commit(A, content);
      await (await files.share(A, content.length, B)).remove();
      const shared = await files.share(A, content.length, B);
      expect((await contentOf(shared.location)).equals(content)).toBe(true);
      await shared.commit(B);
      await files.remove(A);
      expect((await at(B)).equals(content)).toBe(true);
      await expect(files.share(A, content.length, keyOf(1))).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
      await files.remove(B);
      expect(await storage.isEmpty()).toBe(true);
    });

    it('keeps every file when its process is gone, and removes each by its key, whatever has become of it', async () => {
      await commit(A, 'whole');
      await receive(B, 'received');
      await files.share(A, 5, keyOf(1));
      const half = files.create(keyOf(2));
      await new Promise((resolve) => half.body.write(Buffer.alloc(10 * MiB), resolve));
      await files.close();
      half.body.on('error', () => undefined).destroy();
      files = storage.connect();
      await files.open();
      expect([await files.has(A), await files.has(B), await files.has(keyOf(1))]).toEqual([true, false, false]);
      for (const key of [B, keyOf(1), keyOf(2)]) await files.remove(key);
      expect(String(await at(A))).toBe('whole');
      await files.remove(A);
      await half.remove();
      expect(await storage.isEmpty()).toBe(true);
    });

    describe('that two processes use', () => {
      let other: FileStore;

      beforeEach(() => {
        other = storage.connect();
      });
      afterEach(() => other.close());

      it('takes a file through the start of the other, which reads, shares and removes it', async () => {
        const content = randomBytes(20 * MiB);
        const file = files.create(A);
        await new Promise((resolve) => file.body.write(content.subarray(0, 9 * MiB), resolve));
        await other.open();
        await pipeline(Readable.from([content.subarray(9 * MiB)]), file.body);
        await file.commit(A);
        expect((await contentOf(other.location(A))).equals(content)).toBe(true);
        await (await other.share(A, content.length, B)).commit(B);
        await other.remove(A);
        expect([await files.has(A), await files.has(B)]).toEqual([false, true]);
        await files.remove(B);
        expect(await storage.isEmpty()).toBe(true);
      });

      it('leaves nothing of a file that both remove', async () => {
        const file = await receive(A, 'id\n');
        await other.open();
        await Promise.all([file.remove(), other.remove(A)]);
        await commit(B, 'id\n');
        await Promise.all([files.remove(B), other.remove(B)]);
        expect(await storage.isEmpty()).toBe(true);
      });

      it('can be begun by both at once, but not by another installation', async () => {
        const stranger = storage.connect('another one');
        await Promise.all([other.open(), storage.connect().open()]);
        await expect(stranger.open()).rejects.toMatchObject({
          code: 'STORAGE_UNAVAILABLE',
          message: expect.stringContaining('belongs to installation a'),
        });
        await stranger.close();
      });
    });

    it('says that a file is corrupt if it is gone or not whole, and says so at once', async () => {
      const stored = (sizeBytes: number): StoredFile =>
        new StoredFile({
          location: files.location(A),
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
      await commit(A, randomBytes(3 * MiB));
      expect(await failure(stored(3 * MiB))).toBeNull();
      expect(await failure(stored(3 * MiB + 1))).toMatchObject({ code: 'FILE_CORRUPT' });
      await storage.truncate(A);
      expect(await failure(stored(3 * MiB))).toMatchObject({ code: 'FILE_CORRUPT' });
      await files.remove(A);
      expect(await failure(stored(3 * MiB))).toMatchObject(gone);
    });

    it('is writable, and has room', async () => {
      await Promise.all([files.requireWritable(), files.requireWritable()]);
      await files.requireRoom(1);
      expect(await storage.isEmpty()).toBe(true);
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

function keyOf(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

function* cut(content: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
