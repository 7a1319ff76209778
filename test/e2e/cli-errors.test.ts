import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inCommands } from '../../src/cli/in-commands.js';
import { catalogue, type ErrorCode } from '../../src/errors/index.js';
import { Api } from '../kit/api.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const MAX_BYTES = 1_000;
let folder: string;
let service: Service;
let alone: Service;
let finished: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'batch-cli-errors-')));
  [service, alone] = await Promise.all([
    startService({ brokers, env: { MAX_UPLOAD_BYTES: `${MAX_BYTES}`, SOURCES: `file:${folder},http://127.0.0.1:1` } }),
    startService({ brokers: '127.0.0.1:1' }),
  ]);
  const api = new Api(service.url);
  await api.createModel('orders', { id: 'String' });
  await new Api(alone.url).createModel('orders', { id: 'String' });
  finished = (await api.ended((await api.createJob('orders', Buffer.from('id\n1\n'))).job_id)).job_id;
  await writeFile(join(folder, 'good.csv'), 'id\n1\n');
  await utimes(join(folder, 'good.csv'), 1_700_000_000, 1_700_000_000);
  await writeFile(join(folder, 'empty.csv'), '');
  await writeFile(join(folder, 'large.csv'), `id\n${'1\n'.repeat(100_000)}`);
  await writeFile(join(folder, 'rows.zip'), 'PK\x03\x04');
  await writeFile(join(folder, 'schema.json'), '{"id":"String"}');
  await writeFile(join(folder, 'bad.json'), '{"id":"Text"}');
});

afterAll(async () => {
  await service.stop();
  await alone.stop();
  await rm(folder, { recursive: true });
});

/** As a user would run it, from the folder with the files; nobody watches a terminal. */
async function batch(args: string[], url: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [resolve('bin/batch'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], BATCH_API_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr };
}

describe('the command line, on an error of the service,', () => {
  it.each<[ErrorCode, string, RegExp]>([
    ['MODEL_NOT_FOUND', 'model describe none', /none/],
    ['MODEL_NOT_FOUND', 'job create none good.csv', /none/],
    ['MODEL_ALREADY_EXISTS', 'model create orders schema.json', /orders/],
    ['INVALID_SCHEMA', 'model create other bad.json', /\/id: .*Text/],
    ['INVALID_REQUEST', 'model create other schema.json --id -other', /^id /],
    ['INVALID_OPTION', 'job create orders good.csv --delimiter , --quote ,', /^quote: /],
    ['FILE_TOO_LARGE', 'job create orders large.csv', /1000 bytes/],
    ['READ_ERROR', 'job create orders empty.csv', /file is empty/],
    ['UNSUPPORTED_FILE_TYPE', 'job create orders rows.zip', /zip/],
    ['SOURCE_NOT_FOUND', 'job create orders file://FOLDER/god.csv', /god\.csv/],
    ['SOURCE_NOT_ALLOWED', 'job create orders s3://exports/orders.csv', /SOURCES does not allow s3:\/\/exports/],
    ['INVALID_SOURCE', 'job create orders s3://exports', /s3:\/\/<bucket>\/<key>/],
    ['SOURCE_UNAVAILABLE', 'job create orders http://127.0.0.1:1/a.csv --max-outage 0', /ECONNREFUSED/],
    ['JOB_NOT_FOUND', 'job status nosuchid', /nosuchid/],
    ['JOB_STATE_CONFLICT', 'job cancel FINISHED', /SUCCESS/],
    ['JOB_STATE_CONFLICT', 'job resume FINISHED', /SUCCESS/],
    ['KAFKA_UNAVAILABLE', 'job create orders good.csv --max-outage 0', /127\.0\.0\.1:1/],
  ])('says %s of `%s`, and what to do', async (code, command, message) => {
    const url = code === 'KAFKA_UNAVAILABLE' ? alone.url : service.url;
    const args = command.replace('FINISHED', finished).replace('FOLDER', folder).split(' ');
    const { code: exitCode, stdout, stderr } = await batch([...args, '--output', 'table'], url);
    const [first = '', hint] = stderr.trimEnd().split('\n');
    expect([exitCode, stdout, first.startsWith(`${code}: `)]).toEqual([1, '', true]);
    expect(first.slice(`${code}: `.length)).toMatch(message);
    expect(hint).toBe(`hint: ${inCommands(catalogue[code].hint)}`);
  });

  it('says of a job that failed for its file what is committed', async () => {
    const create = ['job', 'create', 'orders', `file://${folder}/good.csv`, '--wait', '--output', 'table'];
    const good = await batch([...create, '--expect', 'rows=1'], service.url);
    expect([good.code, good.stdout]).toEqual([0, expect.stringContaining(`source    file://${folder}/good.csv`)]);
    const { code, stdout, stderr } = await batch([...create, '--expect', 'rows=2'], service.url);
    expect([code, stdout + stderr]).toEqual([
      1,
      expect.stringMatching(/EXPECTATION_FAILED: the file has 1 row instead of 2; all its rows are committed/),
    ]);
  });

  it('hands the problem on to programs', async () => {
    const { code, stdout, stderr } = await batch(['job', 'status', 'nosuchid'], service.url);
    expect([code, stdout]).toEqual([1, '']);
    const { status, hint } = catalogue.JOB_NOT_FOUND;
    expect(JSON.parse(stderr)).toMatchObject({ error: 'JOB_NOT_FOUND', status, hint, request_id: expect.any(String) });
  });
});
