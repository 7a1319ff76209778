import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { TextEncoding } from '../../src/decoding/index.js';
import { CsvKernel, encodeRejectedRow, type Rejection, type RowConsumer } from '../../src/formats/index.js';
import { DEFAULT_OPTIONS, type Position } from '../../src/ingest/index.js';
import { compileSchema } from '../../src/models/schema/index.js';
import { openRowSource, readerName } from '../../src/reading/row-source.js';
import type { Assignment } from '../../src/runner/ipc.js';
import { withFile } from '../decoding/support/files.js';
import { expectEqual } from '../kit/expect-equal.js';

const folder = mkdtempSync(join(tmpdir(), 'batch-file-rows-'));
const path = join(folder, 'orders.csv');
const rows = Array.from({ length: 60_000 }, (_, index) =>
  index % 7 === 3 ? `${index},x${index},"é\n${index}"` : `${index},${index}.5,${'y'.repeat(index % 31)}`,
);
const file = Buffer.from(`id,amount,note\r\n${rows.join('\r\n')}`);
const job: Assignment = {
  ...compileSchema({ id: 'UInt32', amount: 'Float64', note: 'String' }),
  modelId: 'orders',
  filename: 'orders.csv',
  traceId: null,
  jobId: 'a1b2c3d4',
  lease: 1,
  intent: 'run',
  file: { kind: 'local', path },
  sizeBytes: file.length,
  sha256: null,
  format: 'csv',
  options: DEFAULT_OPTIONS,
  sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' },
  dialect: { delimiter: ',', quote: '"', header: true },
  names: { data: 'data', dlq: 'dlq', group: 'group' },
  checkpoint: null,
  staleMs: 0,
};
const limits = { decompression: { maxBytes: 1e9, maxRatio: 250 }, decoderBytes: 0 };
let handle: FileHandle;

beforeAll(async () => {
  writeFileSync(path, file);
  handle = await open(path);
});

afterAll(async () => {
  await handle.close();
  rmSync(folder, { recursive: true });
});

function encode(text: string, encoding: TextEncoding): Buffer {
  if (!encoding.startsWith('utf-16')) return Buffer.from(text, 'latin1');
  const bytes = Buffer.from(text, 'utf16le');
  return encoding === 'utf-16be' ? bytes.swap16() : bytes;
}

function offsetIn(decision: string): number | null {
  return decision.startsWith('{') ? (JSON.parse(decision) as { byte_offset: number }).byte_offset : null;
}

function withoutOffset(decision: string): string {
  return decision.replace(/"byte_offset":\d+/, '');
}

/** For each place in the file, how many bytes before it continue a character. */
const continuations = Uint32Array.from(file);
for (let at = 0, count = 0; at < file.length; at++) {
  continuations[at] = count;
  if (((file[at] as number) & 0xc0) === 0x80) count += 1;
}

/** Every decision as one text, and where the reader stood after some of them. */
class Notes implements RowConsumer {
  readonly decisions: string[] = [];
  readonly positions: { position: Position; decided: number }[] = [];

  accept(bytes: Uint8Array, start: number, end: number): void {
    this.decisions.push(Buffer.from(bytes.subarray(start, end)).toString());
  }

  reject(rejection: Rejection): void {
    this.decisions.push(encodeRejectedRow('a1b2c3d4', rejection, 'now').toString());
  }
}

async function read(
  kernel: CsvKernel | null,
  from: Position | null,
  stored: { handle: FileHandle; job: Assignment } = { handle, job },
): Promise<Notes> {
  const reading = await openRowSource(stored.handle, stored.job, from, kernel, limits);
  const notes = new Notes();
  while (await reading.advance(notes)) {
    notes.positions.push({ position: reading.position, decided: notes.decisions.length });
  }
  notes.positions.push({ position: reading.position, decided: notes.decisions.length });
  expect([reading.columns, reading.isReading]).toEqual([['id', 'amount', 'note'], false]);
  return notes;
}

describe('the rows of a file', () => {
  it('are the same to both readers, and so is the end', async () => {
    const fast = await read(new CsvKernel(), null);
    const slow = await read(null, null);
    expectEqual(fast.decisions, slow.decisions);
    expect(fast.decisions.length).toBe(rows.length);
    expect(fast.positions.at(-1)?.position).toEqual(slow.positions.at(-1)?.position);
  });

  it('go on from wherever a reader stood, with the same kernel or another', async () => {
    const kernel = new CsvKernel();
    const whole = await read(kernel, null);
    for (const { position, decided } of [whole.positions[3], whole.positions[17], whole.positions.at(-1)].map(
      (each) => each!,
    )) {
      expectEqual((await read(kernel, position)).decisions, whole.decisions.slice(decided));
    }
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('are the same out of %s, from wherever a reader stood', async (fileCompression, compress) => {
    const compressed = compress(file);
    await withFile(compressed, async (opened) => {
      const stored = { handle: opened, job: { ...job, sourceEncoding: { ...job.sourceEncoding, fileCompression } } };
      const expected = await read(null, null);
      for (const kernel of [new CsvKernel(), null]) {
        const whole = await read(kernel, null, stored);
        expectEqual(whole.decisions, expected.decisions);
        expect(whole.positions.at(-1)).toEqual(expected.positions.at(-1));
        const { position, decided } = whole.positions[5]!;
        expectEqual((await read(kernel, position, stored)).decisions, whole.decisions.slice(decided));
      }
      const feed = await openRowSource(opened, stored.job, null, null, limits);
      const notes = new Notes();
      let before = 0;
      while (await feed.advance(notes)) {
        expect(feed.bytesDone).toBeGreaterThanOrEqual(before);
        before = feed.bytesDone;
      }
      expect(feed.bytesDone).toBe(compressed.length);
    });
  });

  it.each(['utf-16le', 'utf-16be', 'windows-1252'] as const)(
    'are the same out of %s, at the places they have there',
    async (encoding) => {
      const unit = encoding.startsWith('utf-16') ? 2 : 1;
      const encoded = encode(`${file}`, encoding);
      await withFile(encoded, async (opened) => {
        const stored = { handle: opened, job: { ...job, sourceEncoding: { ...job.sourceEncoding, encoding } } };
        const expected = await read(null, null);
        // The only other character than ASCII has two bytes in UTF-8 and one unit elsewhere.
        const place = (bytes: number) => unit * (bytes - (continuations[bytes] as number));
        for (const kernel of [new CsvKernel(), null]) {
          const whole = await read(kernel, null, stored);
          expectEqual(whole.decisions.map(withoutOffset), expected.decisions.map(withoutOffset));
          const offsets = expected.decisions.map(offsetIn);
          expectEqual(
            whole.decisions.map((decision, index) => (offsets[index] === null ? null : offsetIn(decision))),
            offsets.map((there) => there && place(there)),
          );
          expect(whole.positions.at(-1)?.position.byte).toBe(encoded.length);
          const { position, decided } = whole.positions[5]!;
          expectEqual((await read(kernel, position, stored)).decisions, whole.decisions.slice(decided));
        }
      });
    },
  );

  it.each([true, false])(
    'of a long text have their places when nobody asks where it stands (kernel: %s)',
    async (fast) => {
      const long = 'é'.repeat(500);
      const count = 24_000;
      const bad = count - 1_000;
      const lines = Array.from({ length: count }, (_, index) => `${index},${index === bad ? 'x' : '1'},${long}`);
      const text = Buffer.from(`id,amount,note\n${lines.join('\n')}\n`, 'utf16le');
      await withFile(text, async (opened) => {
        const sourceEncoding = { ...job.sourceEncoding, encoding: 'utf-16le' as const };
        const feed = await openRowSource(
          opened,
          { ...job, sourceEncoding },
          null,
          fast ? new CsvKernel() : null,
          limits,
        );
        const rejected: Rejection[] = [];
        const consumer = { accept: () => undefined, reject: (rejection: Rejection) => void rejected.push(rejection) };
        while (await feed.advance(consumer));
        expect(rejected.map(({ rowNumber }) => rowNumber)).toEqual([bad + 1]);
        expect(rejected[0]?.byteOffset).toBe(text.indexOf(Buffer.from(`\n${bad},x`, 'utf16le')) + 2);
        expect(feed.position.byte).toBe(text.length);
      });
    },
  );

  it('that are not text in their encoding are rejected, and only they', async () => {
    const good = Buffer.from('id,amount,note\n1,1,a\n2,2,b', 'utf16le');
    const text = Buffer.concat([
      good,
      Buffer.from([0x00, 0xd8]),
      Buffer.from('c\n3,3,😀\n4,4,', 'utf16le'),
      Buffer.from([0x61]),
    ]);
    await withFile(text, async (opened) => {
      const stored = {
        handle: opened,
        job: { ...job, sourceEncoding: { ...job.sourceEncoding, encoding: 'utf-16le' as const } },
      };
      for (const kernel of [new CsvKernel(), null]) {
        const { decisions, positions } = await read(kernel, null, stored);
        expect(decisions.map((each) => (each.startsWith('{') ? JSON.parse(each) : each))).toEqual([
          '1,1,a',
          expect.objectContaining({
            error: 'INVALID_ENCODING',
            byte_offset: 2 * 'id,amount,note\n1,1,a\n'.length,
            raw_encoding: 'base64',
            raw_data: Buffer.from('2,2,b\xffc', 'latin1').toString('base64'),
          }),
          '3,3,😀',
          expect.objectContaining({ error: 'INVALID_ENCODING' }),
        ]);
        expect(positions.at(-1)?.position.byte).toBe(text.length);
      }
    });
  });

  it.each([
    ['behind an array of JSON', 'json', '[{"id":1}]\n'],
    ['that is a line of NDJSON', 'ndjson', '{"id":1}\n\n'],
    ['that is a row of CSV', 'csv', 'id,amount,note\n1,1,é\n'],
  ] as const)('are told from megabytes of other text %s, in another encoding', async (_where, format, before) => {
    const text = Buffer.from(`${before}"${'é€x'.repeat(4_000_000)}`, 'utf16le');
    await withFile(text, async (opened) => {
      const { columns, additionalColumns } = format === 'csv' ? job : compileSchema({ id: 'UInt32' });
      const dialect = format === 'csv' ? job.dialect : null;
      const sourceEncoding = { ...job.sourceEncoding, encoding: 'utf-16le' as const };
      const read = { ...job, columns, additionalColumns, format, dialect, sourceEncoding, sizeBytes: text.length };
      const feed = await openRowSource(opened, read, null, null, limits);
      const notes = new Notes();
      while (await feed.advance(notes)) expect(feed.bytesDone).toBeLessThanOrEqual(text.length);
      expect(notes.decisions.length).toBe(2);
      expect(offsetIn(notes.decisions[1]!)).toBe(2 * before.length);
      expect(feed.position.byte).toBe(text.length);
    });
  });

  it('are read by the kernel unless the job says otherwise', () => {
    expect(readerName(job)).toBe('kernel');
    expect(readerName({ ...job, options: { ...DEFAULT_OPTIONS, csvReader: 'reference' } })).toBe('reference');
    expect(readerName({ ...job, options: { ...DEFAULT_OPTIONS, normalize: { a: ['trim'] } } })).toBe('reference');
  });
});
