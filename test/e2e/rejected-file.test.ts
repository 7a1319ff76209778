import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Job, RejectedRow } from 'batch-ingest-sdk';
import { fixture } from '../formats/parquet/read-file.js';
import { type Service, startService } from '../kit/service.js';

/** What README promises: the rejected rows as a file, corrected and sent again with the same options. */
const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
let service: Service;
let folder: string;

beforeAll(async () => {
  service = await startService({ brokers });
  folder = await mkdtemp(join(tmpdir(), 'batch-rejected-file-'));
  // Its columns have another order than the files'.
  await create('orders', { note: 'Nullable(String)', qty: 'Int32', id: 'UInt32' });
  await create('plain', { id: 'UInt32', qty: 'Int32', note: 'Nullable(String)' });
  await create('bools', { id: 'Int64', name: 'Nullable(Int32)' });
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

/** Standard output, whatever the exit code says of the rows. */
async function batch(...args: string[]): Promise<Buffer> {
  const options = { env: { ...process.env, BATCH_API_URL: service.url }, encoding: 'buffer' as const };
  try {
    return (await promisify(execFile)('bin/batch', args, options)).stdout;
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: Buffer; stderr: Buffer };
    if (code !== 2 && code !== 1) throw new Error(`${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}

async function create(id: string, schema: object): Promise<void> {
  const file = join(folder, `${id}.json`);
  await writeFile(file, JSON.stringify(schema));
  await batch('model', 'create', id, file);
}

async function send(model: string, file: string, options: string[]): Promise<Job> {
  return JSON.parse(`${await batch('job', 'create', model, file, '--wait', ...options)}`) as Job;
}

async function rejections(id: string): Promise<[string, string][]> {
  const rows = JSON.parse(`${await batch('job', 'rejected', id)}`) as RejectedRow[];
  return rows.map(({ raw_data, error }) => [raw_data, error]);
}

const text = 'qty;id;note\n1;1;„Öl“\nx;2;"a;\nb“"\n3;y;Öl\n4;4;\n5;5;6;7\n';
const utf16 = (content: string): Buffer => Buffer.from(`\uFEFF${content}`, 'utf16le');
const windows = (content: string): Buffer => {
  const quotes: Record<string, string> = { '„': '\x84', '“': '\x93' };
  return Buffer.from(
    content.replace(/[„“]/g, (each) => quotes[each] as string),
    'latin1',
  );
};

it.each<[string, string, Buffer, string[], (file: Buffer) => Buffer]>([
  [
    'UTF-16',
    'orders',
    utf16(text),
    ['--delimiter', ';'],
    (file) => utf16(corrected(file.toString('utf16le').slice(1))),
  ],
  [
    'windows-1252, with lines to skip',
    'orders',
    windows(`sep=;\n${text}`),
    ['--delimiter', 'auto', '--skip-lines', '1', '--encoding', 'windows-1252'],
    (file) => Buffer.from(corrected(file.toString('latin1')), 'latin1'),
  ],
  [
    'UTF-8 without a header',
    'plain',
    Buffer.from('1,1,"\\""\nx,1,"a\\"b"\n2,y,\n'),
    ['--no-header', '--escape', '\\'],
    (file) => Buffer.from(`${file}`.replace('x,', '9,').replace('y', '9')),
  ],
  [
    'NDJSON',
    'plain',
    Buffer.from('{"id":1,"qty":2}\n{"id":"x","qty":1}\n{"id":2,\n'),
    ['--format', 'ndjson'],
    (file) => Buffer.from(`${file}`.replace('"x"', '9').replace('2,', '2,"qty":9}')),
  ],
])('rows of %s can be corrected and sent again', async (_what, model, content, options, correct) => {
  const original = join(folder, 'original');
  await writeFile(original, content);
  const first = await send(model, original, options);
  expect(first.state).toBe('PARTIAL_SUCCESS');
  const fix = join(folder, 'fix');
  await writeFile(fix, await batch('job', 'rejected', first.job_id, '--format', 'file'));
  const unchanged = await send(model, fix, options);
  expect(unchanged).toMatchObject({ state: 'FAILED', file_columns: first.file_columns, encoding: first.encoding });
  expect(await rejections(unchanged.job_id)).toEqual(await rejections(first.job_id));
  await writeFile(fix, correct(await readFile(fix)));
  const { state, totals } = await send(model, fix, options);
  expect([state, totals]).toEqual(['SUCCESS', { rows: first.totals.errors, ok: first.totals.errors, errors: 0 }]);
});

function corrected(file: string): string {
  return file.replace('\nx;', '\n9;').replace(';y;', ';9;').replace('5;5;6;7', '5;5;6');
}

it('rows of Parquet are sent again as NDJSON', async () => {
  const first = await send('bools', fixture('row-groups.parquet').toString(), []);
  expect(first.totals.errors).toBeGreaterThan(0);
  const fix = join(folder, 'fix');
  await writeFile(fix, await batch('job', 'rejected', first.job_id, '--format', 'file'));
  const unchanged = await send('bools', fix, ['--format', 'ndjson']);
  expect(unchanged.totals).toMatchObject({ rows: first.totals.errors, ok: 0 });
});
