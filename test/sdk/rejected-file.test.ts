import type { Job, RejectedRow } from 'batch-ingest-sdk';
import fc from 'fast-check';
import { rejectedFile } from '../../packages/sdk/src/rejected-file.js';
import { createTranscoder } from '../../src/decoding/transcoder.js';
import { createCsvReader, encodeRejectedRow } from '../../src/formats/index.js';
import { type Given, readAll } from '../formats/csv/read-all.js';
import { jobPartial } from './contract.js';

async function* each(rows: readonly RejectedRow[]): AsyncGenerator<RejectedRow> {
  yield* rows;
}

async function fileOf(job: Job, rows: readonly RejectedRow[]): Promise<{ file: Buffer; leftOut: [number, string][] }> {
  const leftOut: [number, string][] = [];
  const pieces: Uint8Array[] = [];
  const onLeftOut = (row: RejectedRow, reason: string): void => void leftOut.push([row.row_number, reason]);
  for await (const piece of rejectedFile(job, each(rows), onLeftOut)) pieces.push(piece);
  return { file: Buffer.concat(pieces), leftOut };
}

function rejected(raw_data: string, others: Partial<RejectedRow> = {}): RejectedRow {
  return {
    ...{ job_id: 'a1b2c3d4', row_number: 1, line: 2, byte_offset: 7, error: 'NOT_AN_INTEGER', message: 'no' },
    ...{ errors: [], errors_truncated: false, raw_encoding: 'utf8', raw_truncated: false },
    ...{ timestamp: '2026-11-20T09:15:00.000Z', raw_data },
    ...others,
  };
}

function csvJob({
  encoding = 'utf-8',
  file_columns: columns = ['id', 'qty'],
  ...dialect
}: Partial<Job> & Partial<Job['dialect']>): Job {
  const job = jobPartial();
  return {
    ...job,
    encoding,
    file_columns: columns,
    dialect: { ...(job.dialect as NonNullable<Job['dialect']>), ...dialect },
  };
}

const name = fc.string({
  unit: fc.constantFrom('a', 'é', ' ', ',', ';', '"', '\\', '#', '\n', '\t'),
  minLength: 1,
  maxLength: 5,
});

/** A file in some dialect, most rows of which are bad in some way. */
const written = fc.record({
  header: fc.uniqueArray(name, { minLength: 2, maxLength: 2, selector: (text) => text.trim() }),
  body: fc.string({
    unit: fc.constantFrom('a', '1', ' ', ',', ';', '"', '\\', '#', '\n', '\r', 'é', '\t'),
    maxLength: 60,
  }),
  delimiter: fc.constantFrom(',', ';', '\t'),
  own: fc.constantFrom(undefined, '\\'),
  comment: fc.constantFrom(undefined, '#'),
  skipLines: fc.nat({ max: 2 }),
  trim: fc.boolean(),
  quotes: fc.constantFrom('strict', 'lax'),
});

describe('the file of the rejected rows', () => {
  it('has the same rows under the same header, in any dialect', async () => {
    await fc.assert(
      fc.asyncProperty(written, async ({ header, body, delimiter, own, comment, skipLines, trim, quotes }) => {
        fc.pre(header.every((text) => text.trim() !== ''));
        const quoted = header.map(
          (text) => `"${own === undefined ? text.replaceAll('"', '""') : text.replace(/["\\]/g, '\\$&')}"`,
        );
        const dialect = { skipLines, trim, quotes, ...(own && { escape: own }), ...(comment && { comment }) };
        const given: Given = {
          file: `${'"\n'.repeat(skipLines)}${quoted.join(delimiter)}\n${body}`,
          schema: Object.fromEntries(header.map((text) => [text, 'Int8'])),
          ...{ delimiter, dialect },
        };
        const { decisions, columns } = await readAll(createCsvReader, given);
        expect(columns).toEqual(header);
        const rows = decisions
          .filter((decision) => 'rejected' in decision)
          .map(({ rejected: facts, raw }) => {
            const record = encodeRejectedRow('a1b2c3d4', { ...facts, raw: Buffer.from(raw, 'latin1') }, '');
            return JSON.parse(record.toString()) as RejectedRow;
          });
        const job = csvJob({
          file_columns: columns,
          delimiter,
          escape: own ?? '"',
          comment: comment ?? null,
          skip_lines: skipLines,
          trim,
          quotes,
        });
        const { file, leftOut } = await fileOf(job, rows);
        const again = await readAll(createCsvReader, { ...given, file });
        expect(again.columns).toEqual(header);
        const numbers = leftOut.map(([number]) => number);
        const kept = rows.filter(({ row_number }) => !numbers.includes(row_number));
        const found = again.decisions.map((decision) =>
          'rejected' in decision ? [decision.raw, decision.rejected.errors[0]?.error] : decision,
        );
        expect(found).toEqual(kept.map(({ raw_data, error }) => [Buffer.from(raw_data).toString('latin1'), error]));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['utf-16le', '\uFEFFid;qty\n1;€ 😀\n'],
    ['utf-16be', '\uFEFFid;qty\n1;€ 😀\n'],
    ['windows-1252', 'id;qty\n1;“€ÿ”\n'],
    ['latin1', 'id;qty\n1;ÿ\u0080\n'],
  ] as const)('is written in %s', async (encoding, text) => {
    const raw = text.split('\n')[1] as string;
    const { file } = await fileOf(csvJob({ encoding, delimiter: ';' }), [rejected(raw)]);
    const transcoder = createTranscoder(encoding);
    expect(Buffer.concat([transcoder.push(file), transcoder.end()]).toString()).toBe(text);
    expect(file.length).toBe(encoding.startsWith('utf-16') ? 2 * text.length : text.length);
  });

  it('has no header where the file had none, and empty lines for those that are skipped', async () => {
    const { file } = await fileOf(csvJob({ header: false, skip_lines: 2 }), [rejected('x,1')]);
    expect(file.toString()).toBe('\n\nx,1\n');
  });

  it('lacks the rows that no file can hold, and says so', async () => {
    const rows = [
      rejected('x,1'),
      rejected('/w==', { row_number: 2, raw_encoding: 'base64' }),
      rejected('x,', { row_number: 3, raw_truncated: true }),
      rejected('1,"abc', { row_number: 4, error: 'UNTERMINATED_QUOTE' }),
      rejected('1,a"b', { row_number: 5, error: 'STRAY_QUOTE' }),
      rejected('"a""b","c\nd",7', { row_number: 6 }),
    ];
    const { file, leftOut } = await fileOf(csvJob({}), rows);
    expect(file.toString()).toBe('id,qty\nx,1\n1,a"b\n"a""b","c\nd",7\n');
    expect(leftOut).toEqual([
      [2, 'it is not text in utf-8'],
      [3, 'only its beginning is kept'],
      [4, 'it opens a quote that is not closed, and would take the rows behind it'],
    ]);
  });

  it('has rows whose quotes are text as they are', async () => {
    const rows = [rejected('1"","x'), rejected('"a,"b"'), rejected('1," "a')];
    const lax = await fileOf(csvJob({ quotes: 'lax', trim: true }), [...rows, rejected('1, "a', { row_number: 8 })]);
    expect(lax.file.toString()).toBe('id,qty\n"a,"b"\n1," "a\n');
    expect(lax.leftOut.map(([row]) => row)).toEqual([1, 8]);
    const none = await fileOf(csvJob({ quotes: 'none', file_columns: ['"id', 'qty'] }), rows);
    expect(none.file.toString()).toBe('"id,qty\n1"","x\n"a,"b"\n1," "a\n');
  });

  it('is NDJSON in place of JSON and Parquet', async () => {
    const job = { ...jobPartial(), file_columns: null, dialect: null };
    const rows = [rejected('{\r\n  "id": "x"\n}'), rejected('', { row_number: 7 }), rejected('{"id":"a\\nb"}')];
    const { file, leftOut } = await fileOf({ ...job, format: 'json' }, rows);
    expect(file.toString()).toBe('{   "id": "x" }\n{"id":"a\\nb"}\n');
    expect(leftOut).toEqual([[7, 'there is nothing in it']]);
    const parquet = await fileOf({ ...job, format: 'parquet', encoding: null }, [rejected('{"é":1}')]);
    expect(parquet.file.toString()).toBe('{"é":1}\n');
  });
});
