import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { mkdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { expectDelivered, expectPrefix, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { hasS3, type S3Server, startS3 } from '../kit/s3.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const S3_START_MS = 600_000;
const PATIENCE_MS = 120_000;

const root = realpathSync(mkdtempSync(join(tmpdir(), 'batch-sources-')));
const dataDir = join(root, 'data');
const folder = join(root, 'in');
const orders = makeOrders(500, 7);
/** Long enough to step in while it is read by the slow reader. */
const many = makeOrders(200_000);

let service: Service;
let api: Api;
let web: Server;
let host: string;
let s3: S3Server | undefined;
/** What the web server has, by path; `deny`: it refuses; `hang`: it says nothing. */
const pages = new Map<string, { body: Buffer; etag: string } | 'deny' | 'hang'>();
let hasRanges = true;

function serve(request: IncomingMessage, response: ServerResponse): void {
  const page = pages.get(new URL(request.url ?? '/', 'http://localhost').pathname);
  if (page === 'hang') return;
  if (page === undefined || page === 'deny') {
    response.writeHead(page === 'deny' ? 403 : 404).end();
    return;
  }
  const { body, etag } = page;
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const [start, end] = [Number(from), Math.min(Number(to), body.length - 1)];
  const wanted = request.headers['if-range'];
  if (!hasRanges || from === '' || (wanted !== undefined && wanted !== etag)) {
    response.writeHead(200, { etag, 'content-length': body.length }).end(body);
    return;
  }
  const range = `bytes ${start}-${end}/${body.length}`;
  response.writeHead(206, { etag, 'content-range': range, 'content-length': end - start + 1 });
  response.end(body.subarray(start, end + 1));
}

async function start(sources?: string): Promise<void> {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: the service fills in what the environment has
  const connection = s3 && [
    `s3://${s3.bucket}:`,
    `  endpoint: ${s3.endpoint}`,
    '  access_key_id: ${LAKE_KEY}',
    '  secret_access_key: ${LAKE_SECRET}',
    '  region: us-east-1',
    's3://uploads/denied:',
    `  endpoint: ${s3.endpoint}`,
    '  access_key_id: ${LAKE_KEY}',
    '  secret_access_key: nothing',
    '  region: us-east-1',
  ];
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: the service fills in what the environment has
  await writeFile(join(root, 'connections.yaml'), (connection ?? []).join('\n'));
  service = await startService({
    brokers,
    dataDir,
    env: {
      SOURCES:
        sources ?? `file:${folder},http://${host}/pub,http://127.0.0.1:1/,https://no-such-host.invalid,s3://uploads`,
      SOURCE_CONNECTIONS: join(root, 'connections.yaml'),
      JOB_CONCURRENCY: '1',
      MAX_SOURCE_BYTES: `${64 * 1024 ** 2}`,
      LAKE_KEY: s3?.env['AWS_ACCESS_KEY_ID'] ?? '',
      LAKE_SECRET: s3?.env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  api = new Api(service.url);
}

/** A file that was not written just now. */
async function put(name: string, content: Buffer | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  const old = new Date(Date.now() - 60_000);
  await utimes(path, old, old);
  return `file://${path}`;
}

async function putObject(key: string, content: Buffer): Promise<string> {
  const client = (s3 as S3Server).client();
  await client.send(new PutObjectCommand({ Bucket: 'uploads', Key: key, Body: content }));
  client.destroy();
  return `s3://uploads/${key}`;
}

function page(path: string, body: Buffer, etag = '"1"'): string {
  pages.set(path, { body, etag });
  return `http://${host}${path}`;
}

/** The same from a server that gives no ranges. */
async function whole(name: string, content: Buffer): Promise<string> {
  hasRanges = false;
  return page(`/pub/${name}`, content);
}

async function post(uri: string, options: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${service.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model_id: 'orders', source: { uri }, options }),
  });
}

async function create(uri: string, options: object = {}): Promise<Job> {
  const response = await post(uri, options);
  const text = await response.text();
  if (response.status !== 202) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text) as Job;
}

async function ended(uri: string, options: object = {}): Promise<Job> {
  return api.ended((await create(uri, options)).job_id, PATIENCE_MS);
}

async function refusal(uri: string): Promise<[number, string, string]> {
  const response = await post(uri);
  const { error, message } = (await response.json()) as { error: string; message: string };
  return [response.status, error, message];
}

/** Kills the service when the job has committed a part, and starts it again. */
async function killMidway({ job_id: id }: Job): Promise<number> {
  const { totals, state } = await api.until(id, ({ totals: { rows } }) => rows > 0, PATIENCE_MS);
  await service.kill();
  expect([state, totals.rows < many.accepted.length]).toEqual(['RUNNING', true]);
  return totals.rows;
}

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  await mkdir(dataDir);
  web = createServer(serve);
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done));
  host = `127.0.0.1:${(web.address() as AddressInfo).port}`;
  if (hasS3) s3 = await startS3();
  await start();
  await api.createModel('orders', ORDERS_SCHEMA);
}, S3_START_MS);

afterAll(async () => {
  await service.stop();
  web.closeAllConnections();
  web.close();
  await s3?.stop();
  await rm(root, { recursive: true, force: true });
});

const KINDS: [string, (name: string, content: Buffer) => Promise<string>][] = [
  ['a local folder', put],
  ['a web server without ranges', whole],
  [
    'a web server',
    async (name, content) => {
      hasRanges = true;
      return page(`/pub/${name}`, content);
    },
  ],
  ...(hasS3 ? [['S3', putObject] as (typeof KINDS)[number]] : []),
];

describe.each(KINDS)('a file in %s', (kind, place) => {
  it('is read where it lies, and each row is delivered once', async () => {
    const uri = await place('orders.csv', orders.csv);
    const job = await ended(uri);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      filename: 'orders.csv',
      source: { uri, ranges: kind !== 'a web server without ranges' },
      sha256: null,
      size_bytes: orders.csv.length,
      progress: { bytes_done: orders.csv.length, bytes_total: orders.csv.length },
    });
    await expectDelivered(brokers, job, orders);
  });

  it('is decompressed', async () => {
    const job = await ended(await place('orders.csv.gz', gzipSync(orders.csv)));
    expect(job).toMatchObject({ file_compression: 'gzip', filename: 'orders.csv.gz' });
    await expectDelivered(brokers, job, orders);
  });

  it('goes on at its last commit after the service was killed', async () => {
    const job = await create(await place('many.csv', many.csv), { csv_reader: 'reference' });
    await killMidway(job);
    await start();
    expect(await api.ended(job.job_id, PATIENCE_MS)).toMatchObject({ state: 'SUCCESS', source: job.source });
    await expectDelivered(brokers, await api.job(job.job_id), many);
  });

  it('is not read on once it was replaced, and the job says what is committed', async () => {
    const job = await create(await place('replaced.csv', many.csv), { csv_reader: 'reference' });
    await killMidway(job);
    // As large as before: only its version differs.
    const other = Buffer.from(many.csv);
    other[other.length - 2] = 0x39 ^ ((other[other.length - 2] as number) & 1);
    if (kind.startsWith('a web server')) page('/pub/replaced.csv', other, '"2"');
    else await place('replaced.csv', other);
    if (kind === 'a local folder') await utimes(join(folder, 'replaced.csv'), new Date(), new Date(Date.now() - 9_000));
    await start();
    const { state, error, totals } = await api.ended(job.job_id, PATIENCE_MS);
    expect([state, error?.code]).toEqual(['FAILED', 'SOURCE_CHANGED']);
    expect(error?.message).toContain(`its first ${totals.rows} rows are committed`);
    await expectPrefix(brokers, await api.job(job.job_id), many, totals.ok, totals.errors);
    expect((await api.resume(job.job_id)).status).toBe(409);
    // The same request takes it as it is now.
    expect((await create(job.source?.uri ?? '')).source?.version).not.toBe(job.source?.version);
  });

  it('is not found if its name is not right', async () => {
    const uri = await place('right.csv', orders.csv);
    expect((await refusal(uri.replace('right', 'wrong'))).slice(0, 2)).toEqual([404, 'SOURCE_NOT_FOUND']);
  });
});

describe('a source', () => {
  it('may be NDJSON, or Parquet, whose end is read first', async () => {
    const rows = makeOrders(50).accepted;
    expect(rows.length).toBe(50);
    const ndjson = await put('rows.ndjson', '{"id":"1","qty":2}\n{"id":"2","qty":"x"}\n');
    await api.createModel('small', { id: 'String', qty: 'Int32' });
    const create = async (uri: string, model: string) => {
      const response = await fetch(`${service.url}/jobs?model_id=${model}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ source: { uri } }),
      });
      return api.ended(((await response.json()) as Job).job_id, PATIENCE_MS);
    };
    expect(await create(ndjson, 'small')).toMatchObject({ format: 'ndjson', totals: { ok: 1, errors: 1 } });
    const parquet = readFileSync('test/fixtures/parquet/codec-zstd.parquet');
    const inferred = new FormData();
    inferred.set('file', new Blob([parquet]), 'a.parquet');
    const { schema } = (await (
      await fetch(`${service.url}/models/infer`, { method: 'POST', body: inferred })
    ).json()) as { schema: unknown };
    await api.createModel('parquet', schema);
    expect((await refusal(await whole('whole.parquet', parquet))).slice(0, 2)).toEqual([400, 'SOURCE_UNSUPPORTED']);
    hasRanges = true;
    for (const uri of [await put('a.parquet', parquet), page('/pub/a.parquet', parquet)]) {
      expect(await create(uri, 'parquet')).toMatchObject({ format: 'parquet', state: 'SUCCESS', source: { uri } });
    }
  });

  it('is refused for the reason that it has', async () => {
    await put('target.csv', orders.csv);
    await symlink(join(folder, 'target.csv'), join(folder, 'link.csv'));
    await put('empty.csv', '');
    await put('large.csv', 'x'.repeat(64 * 1024 ** 2 + 1));
    await writeFile(join(root, 'outside.csv'), orders.csv);
    pages.set('/pub/secret.csv', 'deny');
    const cases: [string, number, string][] = [
      ['ftp://host/a.csv', 400, 'INVALID_SOURCE'],
      ['orders.csv', 400, 'INVALID_SOURCE'],
      ['file:orders.csv', 404, 'SOURCE_NOT_FOUND'],
      [`https://user:secret@${host}/a.csv`, 400, 'INVALID_SOURCE'],
      [`https://${host}/a.csv?X-Amz-Signature=abc`, 400, 'INVALID_SOURCE'],
      [`file://${root}/outside.csv`, 403, 'SOURCE_NOT_ALLOWED'],
      [`file://${folder}/../outside.csv`, 403, 'SOURCE_NOT_ALLOWED'],
      ['s3://upload/orders.csv', 403, 'SOURCE_NOT_ALLOWED'],
      ['http://169.254.169.254/latest/meta-data/', 403, 'SOURCE_NOT_ALLOWED'],
      [`file://${folder}/link.csv`, 400, 'SOURCE_UNSUPPORTED'],
      [`file://${folder}/empty.csv`, 400, 'READ_ERROR'],
      [`file://${folder}/large.csv`, 413, 'FILE_TOO_LARGE'],
      [`http://${host}/pub/secret.csv`, 403, 'SOURCE_FORBIDDEN'],
      ['https://no-such-host.invalid/a.csv', 404, 'SOURCE_NOT_FOUND'],
      ['http://127.0.0.1:1/a.csv', 503, 'SOURCE_UNAVAILABLE'],
      ...(hasS3 ? ([['s3://uploads/denied/orders.csv', 403, 'SOURCE_FORBIDDEN']] as [string, number, string][]) : []),
    ];
    const found = await Promise.all(cases.map(async ([uri]) => [uri, ...(await refusal(uri)).slice(0, 2)]));
    const wanted = cases.map(([uri, ...rest]) =>
      // Without a slash it is a path from the root on.
      uri === 'file:orders.csv' ? [uri, 403, 'SOURCE_NOT_ALLOWED'] : [uri, ...rest],
    );
    expect(found).toEqual(wanted);
    expect(service.log()).not.toMatch(/a secret of nobody|user:secret|X-Amz-Signature=abc/);
  });

  it('may just have been written, once it has not changed for 2 s', async () => {
    await writeFile(join(folder, 'fresh.csv'), orders.csv);
    expect((await post(`file://${folder}/fresh.csv`)).status).toBe(202);
  });

  it('may be one that its owner lets nobody read', async () => {
    const uri = await put('mine.csv', orders.csv);
    chmodSync(join(folder, 'mine.csv'), 0);
    // Root may read anything.
    const wanted = process.getuid?.() === 0 ? 202 : 403;
    expect((await post(uri)).status).toBe(wanted);
  });

  it('has one job for each Idempotency-Key, by its URI, version and options', async () => {
    const key = { 'idempotency-key': 'sources' };
    const uri = await put('once.csv', orders.csv);
    const first = await post(uri, {}, key);
    const { job_id: id } = (await first.json()) as Job;
    const again = await post(uri, {}, key);
    expect([first.status, again.status, ((await again.json()) as Job).job_id]).toEqual([202, 200, id]);
    const others = [
      await post(uri, { delimiter: ';' }, key),
      await post(await put('other.csv', orders.csv), {}, key),
      await put('once.csv', orders.csv).then(() => post(uri, {}, key)),
    ];
    expect(await Promise.all(others.map(async (each) => ((await each.json()) as { error: string }).error))).toEqual(
      others.map(() => 'IDEMPOTENCY_KEY_REUSED'),
    );
    await rm(join(folder, 'once.csv'));
    const gone = await post(uri, {}, key);
    expect([gone.status, ((await gone.json()) as Job).job_id]).toEqual([200, id]);
    expect((await post(uri)).status).toBe(404);
  });

  it('keeps its file whatever becomes of the job', async () => {
    const uri = await put('kept.csv', orders.csv);
    const { job_id: id } = await ended(uri);
    expect((await fetch(`${service.url}/jobs/${id}?purge=true&force=true`, { method: 'DELETE' })).status).toBeLessThan(
      300,
    );
    expect((await stat(join(folder, 'kept.csv'))).size).toBe(orders.csv.length);
  });
});

describe('a job that waits', () => {
  it('for a worker that may read its source is PENDING with that reason', async () => {
    const first = await create(await put('first.csv', many.csv), { csv_reader: 'reference' });
    const { job_id: id } = await create(await put('second.csv', orders.csv));
    await service.kill();
    await start('');
    const waits = await api.until(id, ({ waiting }) => waiting !== null, PATIENCE_MS);
    expect(waits).toMatchObject({ state: 'PENDING', waiting: { code: 'SOURCE_NOT_ALLOWED' } });
    const listed = (await (await fetch(`${service.url}/jobs?state=PENDING`)).json()) as Job[];
    expect(listed.map(({ job_id, waiting }) => [job_id, waiting?.code])).toContainEqual([id, 'SOURCE_NOT_ALLOWED']);
    // What needs no source is not held up.
    expect(await api.ended((await api.createJob('orders', orders.csv)).job_id)).toMatchObject({ waiting: null });
    expect((await api.job(id)).state).toBe('PENDING');
    await service.kill();
    await start();
    for (const each of [first.job_id, id]) {
      expect((await api.ended(each, PATIENCE_MS)).state).toMatch(/SUCCESS$/);
    }
  });

  it('for its source says so, and lets others work meanwhile', async () => {
    const { job_id: id } = await create(page('/pub/away.csv', many.csv), { csv_reader: 'reference' });
    await killMidway(await api.job(id));
    pages.set('/pub/away.csv', 'hang');
    await start();
    const waits = await api.until(id, ({ waiting }) => waiting !== null, PATIENCE_MS);
    expect(waits).toMatchObject({ state: 'RUNNING', waiting: { code: 'SOURCE_UNAVAILABLE' }, error: null });
    expect((await api.ended((await api.createJob('orders', orders.csv)).job_id, PATIENCE_MS)).state).toBe(
      'PARTIAL_SUCCESS',
    );
    page('/pub/away.csv', many.csv);
    expect(await api.ended(id, PATIENCE_MS)).toMatchObject({ state: 'SUCCESS', waiting: null });
    await expectDelivered(brokers, await api.job(id), many);
  });
});

describe('control totals', () => {
  const sha256 = createHash('sha256').update(orders.csv).digest('hex');
  const right = { rows: orders.accepted.length + orders.rejected.length, bytes: orders.csv.length, sha256 };

  it.each([
    [{ bytes: right.bytes + 1 }, 0, `${right.bytes} bytes instead of ${right.bytes + 1}; no row is committed`],
    [{ sha256: '0'.repeat(64) }, 0, `the SHA-256 ${sha256} instead of ${'0'.repeat(64)}; no row is committed`],
    [{ rows: 3 }, right.rows, `${right.rows} rows instead of 3; all its rows are committed`],
  ])('that differ fail the job: %j', async (expectation, rows, message) => {
    const jobs = [
      await ended(await put('totals.csv', orders.csv), { expect: expectation }),
      await api.ended(
        (await api.createJob('orders', orders.csv, {}, { expect: JSON.stringify(expectation) })).job_id,
        PATIENCE_MS,
      ),
    ];
    for (const { state, error, totals } of jobs) {
      expect([state, error?.code, totals.rows]).toEqual(['FAILED', 'EXPECTATION_FAILED', rows]);
      expect(error?.message).toContain(message);
    }
  });

  it('that are right change nothing', async () => {
    const job = await ended(await put('totals.csv', orders.csv), { expect: right });
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', options: { expect: right } });
  });
});
