import {
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pino } from 'pino';
import type { FileReading } from '../../src/ingest/index.js';
import { DEFAULT_OPTIONS } from '../../src/ingest/index.js';
import { compileSchema } from '../../src/models/schema/index.js';
import { openRowSource } from '../../src/reading/row-source.js';
import { StoredFile } from '../../src/storage/stored-file.js';
import { fixture } from '../formats/parquet/read-file.js';

const CSV = Buffer.from(`id\n${'1\n'.repeat(100_000)}`);
const limits = { decompression: { maxBytes: 1e9, maxRatio: 1e9 }, decoderBytes: 256 * 1024 ** 2 };
let folder = '';
/** What the file that was opened last has logged. */
let log: unknown[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'batch-stored-file-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function storedFile(path: string, sizeBytes = statSync(path).size, timeoutMs = 0): StoredFile {
  const lines: unknown[] = [];
  log = lines;
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return new StoredFile({ location: { kind: 'local', path }, sizeBytes, timeoutMs, log: pino({}, stream) });
}

async function logged(lines: number): Promise<void> {
  while (log.length < lines) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A file of this folder that the system does not open: a link to itself. */
function closedTo(name: string): string {
  const path = join(folder, name);
  symlinkSync(path, path);
  return path;
}

function open(path: string, content: Buffer): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** How reading the whole file ends: null if nothing is wrong. */
async function readWhole(file: StoredFile): Promise<unknown> {
  const buffer = Buffer.alloc(1024);
  try {
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return null;
      at += bytesRead;
    }
  } catch (error) {
    return error;
  } finally {
    await file.close();
  }
}

describe('a stored file', () => {
  it('is corrupt where it is gone, or has another size', async () => {
    const path = join(folder, 'sized');
    expect(await readWhole(storedFile(path, 5, 60_000))).toMatchObject({
      code: 'FILE_CORRUPT',
      message: 'the stored file is gone',
    });
    writeFileSync(path, 'id\n1\n');
    expect(await readWhole(storedFile(path, 6, 60_000))).toMatchObject({
      code: 'FILE_CORRUPT',
      message: 'the stored file has 5 bytes instead of 6',
    });
    expect(await readWhole(storedFile(path))).toBeNull();
  });

  it('is corrupt where it is cut off while it is read: the rows so far are not all', async () => {
    const path = join(folder, 'cut');
    writeFileSync(path, Buffer.alloc(5000));
    const file = storedFile(path);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    truncateSync(path, 2000);
    expect(await readWhole(file)).toMatchObject({
      code: 'FILE_CORRUPT',
      message: 'the stored file has 2000 bytes instead of 5000',
    });
  });

  it.each([
    ['ELOOP', () => closedTo('loop')],
    ['EIO', () => '/proc/self/mem'],
    ['EISDIR', () => folder],
  ])('is unreadable, and not corrupt, where the system does not let it be read: %s', async (code, make) => {
    const path = make();
    const file = storedFile(path, code === 'ELOOP' ? 5 : statSync(path).size);
    const failure = await readWhole(file);
    expect(failure).toMatchObject({
      code: 'SPOOL_UNREADABLE',
      message: `the stored file cannot be read (${code})`,
      hint: expect.stringContaining('POST /jobs/{id}/resume'),
    });
    expect(file.failure).toBe(failure);
  });

  it('is tried again for some time, without anyone hearing of it', async () => {
    const path = closedTo('later');
    const file = storedFile(path, 5, 60_000);
    const reading = readWhole(file);
    await logged(3);
    expect(log[0]).toMatchObject({ code: 'ELOOP', retry_ms: 20, msg: 'the stored file could not be read' });
    open(path, Buffer.from('id\n1\n'));
    expect(await reading).toBeNull();
    expect(file.failure).toBeNull();
  });

  it('is not tried again once it is closed', async () => {
    const file = storedFile(closedTo('given-up'), 5, 60_000);
    const reading = file.read(Buffer.alloc(1), 0, 1, 0);
    await logged(1);
    await file.close();
    await expect(reading).rejects.toThrow(/aborted/);
    await expect(file.read(Buffer.alloc(1), 0, 1, 0)).rejects.toThrow(/aborted/);
    expect(log.length).toBeLessThan(3);
  });

  const text = { format: 'csv', sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' } } as const;
  it.each<[string, () => Buffer | string, Pick<FileReading, 'format' | 'sourceEncoding'>]>([
    ['csv', () => CSV, text],
    [
      'gzip',
      () => gzipSync(CSV, { level: 0 }),
      { ...text, sourceEncoding: { ...text.sourceEncoding, fileCompression: 'gzip' } },
    ],
    [
      'zstd',
      () => zstdCompressSync(CSV),
      { ...text, sourceEncoding: { ...text.sourceEncoding, fileCompression: 'zstd' } },
    ],
    ['parquet', () => fixture('row-groups.parquet'), { ...text, format: 'parquet' }],
  ])('that cannot be read for a moment gives its reader every row: %s', async (name, content, how) => {
    const path = join(folder, name);
    const from = content();
    if (typeof from === 'string') copyFileSync(from, path);
    else writeFileSync(path, from);
    const sizeBytes = statSync(path).size;
    const model = compileSchema({ type: 'object' });
    const dialect = { delimiter: ',', quote: '"', header: true };
    const reading: FileReading = { ...model, ...how, sizeBytes, dialect, options: DEFAULT_OPTIONS };

    const count = async (trouble: boolean): Promise<number> => {
      let rows = 0;
      const file = storedFile(path, sizeBytes, 60_000);
      if (trouble) {
        renameSync(path, `${path}.away`);
        symlinkSync(path, path);
        void logged(1).then(() => renameSync(`${path}.away`, path));
      }
      const feed = await openRowSource(file, reading, null, null, limits);
      const decide = (): void => {
        rows++;
      };
      const consumer = { accept: decide, reject: decide };
      while (await feed.advance(consumer));
      feed.close?.();
      await file.close();
      return rows;
    };
    const rows = await count(false);
    expect(rows).toBeGreaterThan(1);
    expect(await count(true)).toBe(rows);
    expect(log).toContainEqual(expect.objectContaining({ code: 'ELOOP' }));
  });
});
