import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import type { OpenFile } from '../../../src/storage/index.js';
import { StoredFile } from '../../../src/storage/index.js';
import { manifestKey, type S3Location } from '../../../src/storage/s3/manifest.js';
import { openS3File } from '../../../src/storage/s3/open-s3-file.js';
import { S3FileStore, type S3FileStoreOptions } from '../../../src/storage/s3/s3-file-store.js';
import { S3Objects } from '../../../src/storage/s3/s3-objects.js';
import type { S3Settings } from '../../../src/storage/s3/s3-settings.js';
import { describesFileStore } from '../../conformance/file-store.js';
import { hasS3, type S3Server, startS3 } from '../../kit/s3.js';
import { S3Proxy } from '../../kit/s3-proxy.js';

const MiB = 1024 ** 2;
const START_MS = 600_000;
const KEY = '00000000-0000-4000-8000-000000000000';
/** Whether a request or a key is that of a part of a file. */
const isPart = (path: string): boolean => /\/\d{6}\b/.test(path);
let server: S3Server;

(hasS3 ? describe : describe.skip)('S3', () => {
  beforeAll(async () => {
    server = await startS3();
    Object.assign(process.env, server.env);
  }, START_MS);
  afterAll(() => server.stop());

  describesFileStore('S3', async () => {
    const prefix = `${randomUUID()}/`;
    return {
      connect: (installationId = 'a') => storeIn(prefix, {}, { installationId }),
      truncate: async () => {
        const [last = ''] = (await keysIn(prefix)).filter((key) => /\d$/.test(key)).slice(-1);
        const path = join(server.folder, prefix, last);
        await truncate(path, (await stat(path)).size - 1);
      },
      isEmpty: async () => (await keysIn(prefix)).every((key) => key === 'installation' || key === 'probe'),
      dispose: () => rm(join(server.folder, prefix), { recursive: true, force: true }),
    };
  });

  describe('that does not do what it should', () => {
    const content = randomBytes(20 * MiB + 3);
    let proxy: S3Proxy;
    let prefix: string;
    let files: S3FileStore;

    beforeEach(async () => {
      proxy = await S3Proxy.start(server.port);
      prefix = `${randomUUID()}/`;
      files = storeIn(prefix, { endpoint: proxy.endpoint });
      await files.open();
    });
    afterEach(async () => {
      await files.close();
      await proxy.stop();
    });

    async function commit(): Promise<void> {
      const file = files.create(KEY);
      await pipeline(Readable.from(cut(content, 65_536)), file.body);
      await file.commit(KEY);
    }

    const open = (idleMs?: number): Promise<OpenFile> => openS3File(files.location(KEY) as S3Location, idleMs);

    it('gets every byte although requests fail now and then', async () => {
      let count = 0;
      proxy.onRequest = () => (++count % 3 === 0 ? { status: count % 2 === 0 ? 500 : 503 } : 'pass');
      await commit();
      expect((await wholeOf(await open())).equals(content)).toBe(true);
      await files.remove(KEY);
      proxy.onRequest = () => 'pass';
      expect(await keysIn(prefix)).toEqual(['installation']);
    });

    it.each([
      ['ends too early', { cutAfter: 1_000_000 }],
      ['stands still', { hangAfter: 1_000_000 }],
    ])('goes on where a body %s', async (_how, verdict) => {
      await commit();
      let bodies = 0;
      const isHit = (): boolean => ('hangAfter' in verdict ? ++bodies === 1 : ++bodies % 2 === 1);
      proxy.onBody = (method, path) => (method === 'GET' && isPart(path) && isHit() ? verdict : 'pass');
      const ranges: string[] = [];
      proxy.onRequest = (method, path) => {
        if (method === 'GET') ranges.push(path);
        return 'pass';
      };
      expect((await wholeOf(await open('hangAfter' in verdict ? 2_000 : undefined))).equals(content)).toBe(true);
      // Three parts, of which no byte came twice.
      expect(ranges.filter((path) => isPart(path)).length).toBeGreaterThan(3);
    });

    it('is unreadable, not corrupt, if no request brings anything', async () => {
      await commit();
      proxy.onRequest = (method, path) => (method === 'GET' && isPart(path) ? { status: 500 } : 'pass');
      const file = new StoredFile({
        location: files.location(KEY),
        sizeBytes: content.length,
        timeoutMs: 0,
        log: pino({ level: 'silent' }),
      });
      const failure = await file.read(Buffer.alloc(10), 0, 10, 0).catch((error: unknown) => error);
      await file.close();
      expect(failure).toMatchObject({ code: 'SPOOL_UNREADABLE' });
    });

    it('waits for no answer for ever, whether its beginning or its end does not come', async () => {
      await commit();
      const { settings } = files.location(KEY) as S3Location;
      const [impatient, patient] = [new S3Objects(settings, 300), new S3Objects(settings)];
      const answersTo = (objects: S3Objects) => [
        () => objects.text(manifestKey(KEY)),
        () => objects.list('files/').next(),
      ];
      for (const after of [0, 10]) {
        proxy.onBody = () => ({ hangAfter: after });
        for (const answer of answersTo(impatient)) await expect(answer()).rejects.toThrow();
      }
      proxy.onBody = () => 'pass';
      for (const answer of answersTo(patient)) await expect(answer()).resolves.not.toBeNull();
      await Promise.all([impatient.close(), patient.close()]);
    });

    it('is corrupt if a part is another one, or gone', async () => {
      await commit();
      const [first = '', second = ''] = (await keysIn(prefix)).filter(isPart);
      const file = await open();
      const client = server.client();
      const { PutObjectCommand } = await import('@aws-sdk/client-s3');
      await client.send(
        new PutObjectCommand({ Bucket: server.bucket, Key: prefix + first, Body: Buffer.alloc(8 * MiB) }),
      );
      client.destroy();
      await expect(file.read(Buffer.alloc(10), 0, 10, 5)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
      await rm(join(server.folder, prefix, second));
      await expect(file.read(Buffer.alloc(10), 0, 10, 9 * MiB)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
      await file.close();
    });

    it('refuses an upload as STORAGE_UNAVAILABLE, and frees its memory for the next', async () => {
      proxy.onRequest = (_method, path) => (isPart(path) ? { status: 503 } : 'pass');
      for (let upload = 0; upload < 5; upload++) {
        const file = files.create(randomUUID());
        const failure = await pipeline(Readable.from(cut(content, 65_536)), file.body).catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
        proxy.onRequest = () => 'pass';
        await file.remove();
        // What was sent and not answered may appear yet.
        expect(file.isInDoubt).toBe(true);
        proxy.onRequest = (_method, path) => (isPart(path) ? { status: 503 } : 'pass');
      }
      proxy.onRequest = () => 'pass';
      await commit();
      await files.remove(KEY);
      expect(await keysIn(prefix)).toEqual(['installation']);
    });

    it('says so if it cannot be written, or is not there', async () => {
      proxy.onRequest = (method) => (method === 'PUT' ? { status: 403 } : 'pass');
      await expect(files.requireWritable()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
      await expect(files.has(KEY)).resolves.toBe(false);
      const other = storeIn('', { endpoint: proxy.endpoint, bucket: 'nowhere' });
      await expect(other.open()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
      await expect(other.has(KEY)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
      await other.close();
    });

    it('leaves alone what is not its own', async () => {
      await writeFile(join(server.folder, prefix, 'notes.txt'), 'mine');
      await commit();
      await files.remove(KEY);
      expect(await keysIn(prefix)).toEqual(['installation', 'notes.txt']);
    });

    it('takes more files at a time than it has buffers for', async () => {
      const tight = storeIn(`${randomUUID()}/`, {}, { bufferBytes: 3 * MiB, maxUploads: 3 });
      await tight.open();
      const parts = randomBytes(5 * MiB);
      await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const file = tight.create(`${index}`);
          await pipeline(Readable.from(cut(parts, 65_536)), file.body);
          await file.commit(`${index}`);
        }),
      );
      const last = await openS3File(tight.location('11') as S3Location);
      expect((await wholeOf(last)).equals(parts)).toBe(true);
      await tight.close();
    });
  });
});

/** The keys of all objects under a prefix, in order, without it. */
async function keysIn(prefix: string): Promise<string[]> {
  const entries = await readdir(join(server.folder, prefix), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return files.map((path) => relative(join(server.folder, prefix), path)).sort();
}

function* cut(content: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function wholeOf(file: OpenFile): Promise<Buffer> {
  const content = Buffer.alloc(file.sizeBytes);
  for (let size = 0; size < content.length; ) {
    const { bytesRead } = await file.read(content, size, Math.min(300_000, content.length - size), size);
    size += bytesRead;
  }
  await file.close();
  return content;
}

function storeIn(
  prefix: string,
  settings: Partial<S3Settings> = {},
  options: Partial<S3FileStoreOptions> = {},
): S3FileStore {
  const { bucket, endpoint } = server;
  return new S3FileStore({
    settings: { bucket, prefix, endpoint, region: 'us-east-1', isPathStyle: true, ...settings },
    installationId: 'a',
    bufferBytes: 32 * MiB,
    maxUploads: 4,
    ...options,
  });
}
