import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { fixture } from '../formats/parquet/read-file.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const ROWS = 5_000;
let service: Service;
let folder: string;

beforeAll(async () => {
  service = await startService({ brokers });
  folder = await mkdtemp(join(tmpdir(), 'batch-inferred-'));
});

afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

function row(index: number) {
  return {
    id: 2 ** 40 + index,
    at: new Date(1.7e12 + index * 1000).toISOString(),
    who: { name: `n${index}`, age: index % 5 === 0 ? null : index % 90 },
    tags: index % 3 === 0 ? [] : ['a', 'b'],
    lines: [{ sku: `A-${index}`, price: index / 4 }],
    ...(index % 7 === 0 && { ok: true }),
    mixed: index % 2 === 0 ? index : String(index),
  };
}

const rows = Array.from({ length: ROWS }, (_, index) => row(index));
const ndjson = rows.map((each) => `${JSON.stringify(each)}\n`).join('');
const csv = `id;day;qty\n${rows.map((_, index) => `${index};2026-01-0${1 + (index % 9)};${index % 4 ? index : 'N/A'}\n`).join('')}`;

/** By the file alone: what it proposes is the model of the job. */
async function ingest(name: string, content: Buffer | string, options: string[] = []) {
  const file = join(folder, name);
  await writeFile(file, content);
  const id = name.replaceAll('.', '-');
  const args = ['job', 'create', id, file, '--infer', '--wait', ...options];
  const { stdout } = await promisify(execFile)('bin/batch', args, {
    env: { ...process.env, BATCH_API_URL: service.url },
  });
  return JSON.parse(stdout);
}

it.each<[string, Buffer | string, string[], object]>([
  ['whole.ndjson', ndjson, [], { format: 'ndjson' }],
  ['whole.ndjson.gz', gzipSync(ndjson), [], { format: 'ndjson', file_compression: 'gzip' }],
  ['array.json.zst', zstdCompressSync(JSON.stringify(rows)), ['--value-format', 'json'], { format: 'json' }],
  ['orders.csv', csv, ['--delimiter', 'auto'], { format: 'csv', options: { null_values: { qty: ['N/A'] } } }],
  ['semicolons.csv', csv, [], { dialect: { delimiter: ';' }, options: { null_values: { qty: ['N/A'] } } }],
  [
    'quoted.csv',
    csv.replace('id;day', '"id";"day"'),
    [],
    { dialect: { delimiter: ';' }, file_columns: ['id', 'day', 'qty'] },
  ],
])('the rows of %s satisfy the model that they propose', async (name, content, options, facts) => {
  const totals = { rows: ROWS, ok: ROWS, errors: 0 };
  expect(await ingest(name, content, options)).toMatchObject({ state: 'SUCCESS', totals, ...facts });
});

it('makes neither a model nor a job of rows of which most are broken', async () => {
  const run = ingest('ragged.csv', 'a,b\n1\n2\n3,4\n');
  await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/2 of 3 rows are broken/) });
  expect((await fetch(`${service.url}/models/ragged-csv`)).status).toBe(404);
});

it.each(['texts', 'nested-random'])('so do those of a Parquet file: %s', async (name) => {
  const job = await ingest(`${name}.parquet`, await readFile(fixture(`${name}.parquet`)));
  expect(job).toMatchObject({ state: 'SUCCESS', format: 'parquet', totals: { errors: 0 } });
});
