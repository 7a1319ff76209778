import { execFileSync } from 'node:child_process';
import { readFileSync, utimesSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { AclOperationTypes, AclResourceTypes } from 'kafkajs';
import { RawClient, uploadHead } from '../api/support/raw-client.js';
import { fixture } from '../formats/parquet/read-file.js';
import { Api } from '../kit/api.js';
import {
  DESCRIBE_CONFIGS,
  documentedPermissions,
  startAuthorizingBroker,
  withoutPermission,
} from '../kit/authorizing-broker.js';
import { changeBrokerConfig, VERIFICATION } from '../kit/broker-config.js';
import { deleteTopics } from '../kit/delete-topics.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { runService } from '../kit/run-service.js';
import { runnerPids } from '../kit/runners.js';
import { hasS3, startS3 } from '../kit/s3.js';
import { type Service, startService } from '../kit/service.js';
import { at, type Branch, type Operation, operations, violations } from '../openapi/document.js';
import { breakStore } from './support/break-store.js';
import { type Answer, ContractClient, documented, type Question } from './support/contract-client.js';
import { onOneProcess } from './support/one-process.js';
import { CSV, FLAT, form, JSON_SCHEMA } from './support/samples.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const NO_BROKER = '127.0.0.1:1';
const NO_SINKS = { CLICKHOUSE_URL: 'http://127.0.0.1:1/none', POSTGRES_SINK_URL: 'postgres://127.0.0.1:1/none' };
const IDLE_MS = 1_000;
const MAX_BYTES = 1_000_000;

/** What no request can cause: the two catch whatever fails in what they look at. */
const NOT_CAUSED = ['getLiveness', 'getReadiness'].map((id) => `${id} 500 INTERNAL_ERROR`);
/** What is not caused without an S3 server. */
const BY_S3 = hasS3 ? [] : ['createJob 503 STORAGE_UNAVAILABLE', 'resumeJob 503 STORAGE_UNAVAILABLE'];
const S3_START_MS = 600_000;

const dataDirs: string[] = [];
/** Files for jobs that read them where they lie. */
let folder: string;
/** A web server that lets nobody read its files. */
let denying: Server;
const seen = new Set<string>();
/** The secret of the notifications of feeds. */
const secret = 'the-secret-of-a-feed';
const authorization = `Bearer ${secret}`;
const uploads = { file: CSV, model_id: 'orders' };
let service: Service;
let client: ContractClient;
/** A job with rejected rows. */
let partial = '';

function fileForm(file: Buffer): FormData {
  const made = new FormData();
  made.set('file', new Blob([new Uint8Array(file)]), 'orders.csv.gz');
  return made;
}

async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'batch-conformance-'));
  dataDirs.push(dataDir);
  return dataDir;
}

async function isDown(part: string): Promise<boolean> {
  const { details } = (await (await fetch(`${service.url}/readyz`)).json()) as {
    details: Record<string, { status: string }>;
  };
  return details[part]?.status === 'down';
}

function clientOf(running: Service, headers: Record<string, string> = {}): ContractClient {
  return new ContractClient(running.url, seen, headers);
}

/** Stops the runners of the service, which has started some, until they get SIGCONT. */
async function freezeRunners(): Promise<number[]> {
  for (const deadline = Date.now() + 30_000; runnerPids(service).length === 0; ) {
    expect(Date.now()).toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const runners = runnerPids(service);
  for (const pid of runners) process.kill(pid, 'SIGSTOP');
  return runners;
}

async function createJobs(model: string, count: number): Promise<string[]> {
  const api = new Api(service.url);
  const ids: string[] = [];
  while (ids.length < count) ids.push((await api.createJob(model, makeOrders(10).csv)).job_id);
  return ids;
}

/** A job that was cancelled before the only runner of the service came to it. */
async function cancelledJob(model: string): Promise<string> {
  const runners = await freezeRunners();
  try {
    const [, waiting = ''] = await createJobs(model, 2);
    await expectStatus('cancelJob', { id: waiting }, 202);
    return waiting;
  } finally {
    for (const pid of runners) process.kill(pid, 'SIGCONT');
  }
}

/** One question for each operation that asks the database. */
function storeQuestions(): [string, Question][] {
  return [
    ['createModel', { body: FLAT }],
    ['updateModel', { id: 'orders', body: { schema: ORDERS_SCHEMA } }],
    ['createJob', { body: form(uploads) }],
    ...['getModel', 'deleteModel', 'getModelVersion', 'listModelVersions'].map((id): [string, Question] => [
      id,
      { id: 'wide' },
    ]),
    ...['getJob', 'cancelJob', 'resumeJob', 'listRejectedRows', 'retrySink', 'removeSinkRows'].map(
      (id): [string, Question] => [id, { id: partial }],
    ),
    ['addSinks', { id: partial, body: { sinks: ['postgres'] } }],
    ...['getFeed', 'listFeedFiles', 'pauseFeed', 'resumeFeed', 'deleteFeed'].map((id): [string, Question] => [
      id,
      { id: 'one' },
    ]),
    ['retryFeedFiles', { id: 'one', body: {} }],
    ['notifyFeed', { id: 'one', body: {} }],
    ['createFeed', { body: { id: 'new', source: { uri: `file://${folder}/` }, model_id: 'wide' } }],
    ['listFeeds', {}],
    ['listModels', {}],
    ['listJobs', {}],
    ['listSinks', {}],
  ];
}

async function expectProblem(id: string, question: Question, status: number, code: string): Promise<Answer> {
  const answer = await client.ask(id, question);
  expect([answer.status, answer.body.error]).toEqual([status, code]);
  return answer;
}

async function expectStatus(id: string, question: Question, status: number): Promise<Answer> {
  const answer = await client.ask(id, question);
  const problem = answer.status === status ? undefined : answer.body;
  expect([id, answer.status, problem]).toEqual([id, status, undefined]);
  return answer;
}

beforeAll(async () => {
  folder = await newDataDir();
  denying = createServer((_, response) => response.writeHead(403).end());
  await new Promise<void>((done) => denying.listen(0, '127.0.0.1', done));
  const { port } = denying.address() as AddressInfo;
  const env = {
    UPLOAD_IDLE_MS: `${IDLE_MS}`,
    MAX_UPLOAD_BYTES: `${MAX_BYTES}`,
    JOB_CONCURRENCY: '1',
    SOURCES: `file:${folder},http://127.0.0.1:1/,http://127.0.0.1:${port}/,s3://denied,s3://away`,
    SOURCE_CONNECTIONS: join(folder, 'connections.yaml'),
  };
  const keys = 'access_key_id: key, secret_access_key: secret';
  const connection = (bucket: string, to: number): string =>
    `s3://${bucket}: {endpoint: 'http://127.0.0.1:${to}', ${keys}}\n`;
  await writeFile(env.SOURCE_CONNECTIONS, connection('denied', port) + connection('away', 1));
  service = await startService({ brokers, dataDir: await newDataDir(), env });
  client = clientOf(service);
  const api = new Api(service.url);
  await api.createModel('orders', { id: 'String', qty: 'Int32' });
  await api.createModel('wide', ORDERS_SCHEMA);
  partial = (await api.ended((await api.createJob('wide', makeOrders(60, 2).csv)).job_id)).job_id;
});

afterAll(async () => {
  await service.stop();
  denying.close();
  for (const dataDir of dataDirs) await rm(dataDir, { recursive: true, force: true });
});

describe('models, by the contract', () => {
  it.each([FLAT, JSON_SCHEMA])('are created, read, changed, listed and deleted (%#)', async (model) => {
    const id = model['id'] as string;
    const created = await expectStatus('createModel', { body: model }, 201);
    expect(created.headers.location).toBe(`/models/${id}`);
    expect(created.body.schema).toEqual(model['schema']);
    expect((await expectStatus('getModel', { id }, 200)).body).toEqual(created.body);
    expect((await expectStatus('updateModel', { id, body: { schema: ORDERS_SCHEMA } }, 200)).body.version).toBe(2);
    expect((await expectStatus('getModelVersion', { id, version: '1' }, 200)).body).toEqual(created.body);
    const versions = await expectStatus('listModelVersions', { id, query: { limit: '1' } }, 200);
    expect([versions.body.length, versions.headers.link]).toEqual([1, expect.stringContaining('cursor=')]);
    const page = await expectStatus('listModels', { query: { limit: '1' } }, 200);
    expect([page.body.length, page.headers.link]).toEqual([1, expect.stringContaining('cursor=')]);
    await expectStatus('deleteModel', { id }, 204);
  });

  it('answer each error as it is documented', async () => {
    await expectProblem(
      'createModel',
      { body: { name: 'orders', schema: ORDERS_SCHEMA } },
      409,
      'MODEL_ALREADY_EXISTS',
    );
    for (const id of ['getModel', 'deleteModel', 'getModelVersion', 'listModelVersions']) {
      await expectProblem(id, { id: 'none' }, 404, 'MODEL_NOT_FOUND');
    }
    await expectProblem('getModelVersion', { id: 'orders', version: '2' }, 404, 'MODEL_NOT_FOUND');
    await expectProblem('listModelVersions', { id: 'orders', query: { limit: '0' } }, 400, 'INVALID_REQUEST');
    const none = { id: 'none', body: { schema: ORDERS_SCHEMA } };
    await expectProblem('updateModel', none, 404, 'MODEL_NOT_FOUND');
    await expectProblem('listModels', { query: { limit: '0' } }, 400, 'INVALID_REQUEST');
    for (const [id, at] of [
      ['createModel', ''],
      ['updateModel', 'orders'],
    ] as const) {
      const type = { 'content-type': 'application/json' };
      await expectProblem(id, { id: at, headers: type, body: Buffer.from('{"name":') }, 400, 'INVALID_JSON');
      await expectProblem(id, { id: at, body: { name: 'a' } }, 400, 'INVALID_REQUEST');
      await expectProblem(id, { id: at, body: { name: 'a', schema: { a: 'Text' } } }, 400, 'INVALID_SCHEMA');
      const text = { id: at, headers: { 'content-type': 'text/plain' }, body: Buffer.from('a') };
      await expectProblem(id, text, 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
  });
});

describe('jobs with sources, by the contract', () => {
  const from = (uri: string, more: Branch = {}): Question => ({
    body: { model_id: 'orders', source: { uri }, ...more },
  });

  async function put(name: string): Promise<string> {
    await writeFile(join(folder, name), CSV);
    const old = new Date(Date.now() - 60_000);
    await utimes(join(folder, name), old, old);
    return `file://${folder}/${name}`;
  }

  it('are created, and show where their file lies', async () => {
    const uri = await put('orders.csv');
    const options = { null_values: ['NULL'], sinks: [], expect: { rows: 2 }, trim: true, skip_lines: 0 };
    const created = await expectStatus('createJob', from(uri, { options, metadata: { day: '1' } }), 202);
    expect(created.body).toMatchObject({ source: { uri }, sha256: null, metadata: { day: '1' } });
    await new Api(service.url).ended(created.body.job_id);
    expect((await expectStatus('getJob', { id: created.body.job_id }, 200)).body.source).toEqual(created.body.source);
  });

  it('are refused as it is documented', async () => {
    await symlink(await put('orders.csv').then(() => join(folder, 'orders.csv')), join(folder, 'link.csv'));
    await writeFile(join(folder, 'fresh.csv'), CSV);
    const writing = setInterval(() => utimesSync(join(folder, 'fresh.csv'), new Date(), new Date()), 100);
    const { port } = denying.address() as AddressInfo;
    const at = (name: string): Question => from(`file://${folder}/${name}`);
    const cases: [Question, number, string][] = [
      [from('orders.csv'), 400, 'INVALID_SOURCE'],
      [at('link.csv'), 400, 'SOURCE_UNSUPPORTED'],
      [from('file:///etc/passwd'), 403, 'SOURCE_NOT_ALLOWED'],
      [from(`http://127.0.0.1:${port}/a.csv`), 403, 'SOURCE_FORBIDDEN'],
      [at('none.csv'), 404, 'SOURCE_NOT_FOUND'],
      [at('fresh.csv'), 409, 'SOURCE_CHANGED'],
      [from('http://127.0.0.1:1/a.csv'), 503, 'SOURCE_UNAVAILABLE'],
      [from('s3://bucket/a.csv', { surplus: 1 }), 400, 'INVALID_REQUEST'],
      [from('s3://bucket/a.csv', { options: { trim: 'true' } }), 400, 'INVALID_OPTION'],
      [{ headers: { 'content-type': 'application/json' }, body: Buffer.from('{"source":') }, 400, 'INVALID_JSON'],
    ];
    try {
      for (const [question, status, code] of cases) await expectProblem('createJob', question, status, code);
    } finally {
      clearInterval(writing);
    }
  });
});

describe('feeds, by the contract', () => {
  const of = (id: string, more: Branch = {}): Branch => ({
    id,
    source: { uri: `file://${folder}/feed/` },
    model_id: 'orders',
    secret,
    ...more,
  });

  it('are created, listed, paused, told of files, and deleted', async () => {
    await mkdir(join(folder, 'feed'));
    for (const name of ['feed/a.csv', 'feed/b.csv']) {
      await writeFile(join(folder, name), CSV);
      await utimes(join(folder, name), 1_000, 1_000);
    }
    const created = await expectStatus('createFeed', { body: of('one', { every: 1 }) }, 201);
    expect(created.headers.location).toBe('/feeds/one');
    await expectStatus(
      'createFeed',
      { body: of('two', { complete: { marker: 'done' }, options: { trim: true } }) },
      201,
    );
    const page = await expectStatus('listFeeds', { query: { limit: '1' } }, 200);
    expect([page.body[0].id, page.headers.link]).toEqual(['two', expect.stringContaining('cursor=')]);
    for (const deadline = Date.now() + 60_000; ; await sleep(100)) {
      const { body } = await expectStatus('getFeed', { id: 'one' }, 200);
      if (body.files.completed === 2) break;
      expect(Date.now()).toBeLessThan(deadline);
    }
    const files = await expectStatus('listFeedFiles', { id: 'one', query: { limit: '1', state: 'COMPLETED' } }, 200);
    expect([files.body.length, files.headers.link]).toEqual([1, expect.stringContaining('cursor=')]);
    expect((await expectStatus('pauseFeed', { id: 'one' }, 200)).body.state).toBe('PAUSED');
    expect((await expectStatus('resumeFeed', { id: 'one' }, 200)).body.state).toBe('ACTIVE');
    expect((await expectStatus('retryFeedFiles', { id: 'one', body: {} }, 202)).body).toEqual({ retried: 0 });
    await expectStatus('notifyFeed', { id: 'one', headers: { authorization }, body: [] }, 202);
    const event = { specversion: '1.0', type: 'created', data: {} };
    await expectStatus('notifyFeed', { id: 'one', headers: { authorization }, body: event }, 202);
    await expectStatus('deleteFeed', { id: 'two' }, 204);
  });

  it('answer each error as it is documented', async () => {
    const json = { 'content-type': 'application/json' };
    const from = (uri: string): Question => ({ body: of('three', { source: { uri } }) });
    const cases: [Question, number, string][] = [
      [{ headers: json, body: Buffer.from('{"id":') }, 400, 'INVALID_JSON'],
      [{ body: of('three', { every: 0 }) }, 400, 'INVALID_REQUEST'],
      [{ body: of('three', { options: { delimiter: 'xx' } }) }, 400, 'INVALID_OPTION'],
      [{ body: { id: 'three', source: { uri: 's3://away/' } } }, 400, 'MISSING_MODEL_ID'],
      [from('s3://away/a.csv'), 400, 'INVALID_SOURCE'],
      [from('https://example.com/'), 400, 'SOURCE_UNSUPPORTED'],
      [from('file:///etc/'), 403, 'SOURCE_NOT_ALLOWED'],
      [from('s3://denied/'), 403, 'SOURCE_FORBIDDEN'],
      [{ body: of('three', { model_id: 'none' }) }, 404, 'MODEL_NOT_FOUND'],
      [from(`file://${folder}/none/`), 404, 'SOURCE_NOT_FOUND'],
      [{ body: of('one') }, 409, 'FEED_ALREADY_EXISTS'],
      [{ headers: { 'content-type': 'text/plain' }, body: Buffer.from('a') }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [from('s3://away/'), 503, 'SOURCE_UNAVAILABLE'],
    ];
    for (const [question, status, code] of cases) await expectProblem('createFeed', question, status, code);
    for (const id of ['getFeed', 'listFeedFiles', 'pauseFeed', 'resumeFeed', 'deleteFeed']) {
      await expectProblem(id, { id: 'none' }, 404, 'FEED_NOT_FOUND');
    }
    await expectProblem('listFeeds', { query: { limit: '0' } }, 400, 'INVALID_REQUEST');
    await expectProblem('listFeedFiles', { id: 'one', query: { state: 'DONE' } }, 400, 'INVALID_REQUEST');
    for (const id of ['retryFeedFiles', 'notifyFeed']) {
      const headers = { authorization };
      const [status, code] = id === 'notifyFeed' ? [401, 'FEED_SECRET_WRONG'] : [404, 'FEED_NOT_FOUND'];
      await expectProblem(id, { id: 'none', headers, body: {} }, Number(status), String(code));
      await expectProblem(id, { id: 'one', headers, body: { files: [] } }, 400, 'INVALID_REQUEST');
      await expectProblem(
        id,
        { id: 'one', headers: { ...headers, ...json }, body: Buffer.from('{') },
        400,
        'INVALID_JSON',
      );
      const text = { id: 'one', headers: { ...headers, 'content-type': 'text/plain' }, body: Buffer.from('a') };
      await expectProblem(id, text, 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
    await expectProblem('notifyFeed', { id: 'one', body: {} }, 401, 'FEED_SECRET_WRONG');
  });
});

describe('jobs, by the contract', () => {
  it('are created once for each Idempotency-Key', async () => {
    const question: Question = { headers: { 'idempotency-key': 'conformance' }, body: form(uploads) };
    const first = await expectStatus('createJob', question, 202);
    const again = await expectStatus('createJob', question, 200);
    expect(first.headers.location).toBe(`/jobs/${first.body.job_id}`);
    expect([again.headers.location, again.headers['idempotency-replayed']]).toEqual([first.headers.location, 'true']);
    const other = { ...question, body: form({ ...uploads, file: `${CSV}3,4\n` }) };
    await expectProblem('createJob', other, 409, 'IDEMPOTENCY_KEY_REUSED');
    await expectStatus('getJob', { id: first.body.job_id }, 200);
    const page = await expectStatus('listJobs', { query: { limit: '1' } }, 200);
    expect(page.body).not.toHaveProperty([0, 'file_columns']);
    expect([page.body.length, page.headers.link]).toEqual([1, expect.stringContaining('cursor=')]);
  });

  onOneProcess('are cancelled while they wait, and resumed', async () => {
    const api = new Api(service.url);
    for (const deadline = Date.now() + 30_000; runnerPids(service).length === 0; ) {
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const runners = runnerPids(service);
    for (const pid of runners) process.kill(pid, 'SIGSTOP');
    const ids: string[] = [];
    try {
      for (let count = 0; count < 3; count++)
        ids.push((await expectStatus('createJob', { body: form(uploads) }, 202)).body.job_id);
      const from = { body: form({ model_id: 'orders', from_job: ids[0] ?? '' }) };
      await expectProblem('createJob', from, 409, 'JOB_STATE_CONFLICT');
      for (const id of ids.slice(1)) {
        expect((await expectStatus('cancelJob', { id }, 202)).body.state).toBe('CANCELLED');
        await expectStatus('cancelJob', { id }, 200);
      }
    } finally {
      for (const pid of runners) process.kill(pid, 'SIGCONT');
    }
    const [, resumed = '', kept = ''] = ids;
    expect((await expectStatus('resumeJob', { id: resumed }, 202)).body.attempt).toBe(2);
    await api.ended(resumed);
    await expectProblem('resumeJob', { id: resumed }, 409, 'JOB_STATE_CONFLICT');
    await expectProblem('cancelJob', { id: resumed }, 409, 'JOB_STATE_CONFLICT');
    const listed = async (resumable: string): Promise<string[]> => {
      const page = await expectStatus('listJobs', { query: { resumable, limit: '1000' } }, 200);
      return page.body.map((job: { job_id: string }) => job.job_id).filter((id: string) => ids.includes(id));
    };
    expect(await listed('true')).toEqual([kept]);
    expect(await listed('false')).toEqual([resumed, ids[0]]);
    const from = { body: form({ model_id: 'orders', from_job: kept }) };
    const again = await expectStatus('createJob', from, 202);
    await rm(join(service.dataDir, 'spool', kept));
    await expectProblem('resumeJob', { id: kept }, 410, 'SPOOL_EXPIRED');
    await expectProblem('createJob', from, 410, 'SPOOL_EXPIRED');
    await expectProblem('createJob', { body: form({ model_id: 'orders', from_job: resumed }) }, 410, 'SPOOL_EXPIRED');
    expect((await api.ended(again.body.job_id)).state).toBe('SUCCESS');
    await expectProblem('cancelJob', { id: kept, query: { purge: 'yes' } }, 400, 'INVALID_REQUEST');
    await expectProblem('cancelJob', { id: kept, query: { force: 'true' } }, 400, 'INVALID_REQUEST');
    await expectProblem('cancelJob', { id: kept, query: { purge: 'true' } }, 409, 'JOB_STATE_CONFLICT');
    const forced = await expectStatus('cancelJob', { id: kept, query: { purge: 'true', force: 'true' } }, 202);
    expect(forced.body).toMatchObject({ job_id: kept, state: 'CANCELLED' });
    await expectProblem('getJob', { id: kept }, 404, 'JOB_NOT_FOUND');
  });

  it('give back their rejected rows, in pages and as a stream', async () => {
    const page = await expectStatus('listRejectedRows', { id: partial, query: { limit: '7' } }, 200);
    expect([page.body.length, page.headers.link]).toEqual([7, expect.stringContaining('cursor=')]);
    const headers = { accept: 'application/x-ndjson' };
    const stream = await expectStatus('listRejectedRows', { id: partial, headers }, 200);
    expect(stream.text.trimEnd().split('\n')).toHaveLength(30);
  });

  it('answer when too many read rejected rows at once', async () => {
    for (const deadline = Date.now() + 30_000; ; ) {
      const asked = Array.from({ length: 48 }, () => client.ask('listRejectedRows', { id: partial }));
      const codes = (await Promise.all(asked)).map(({ status, body }) => (status === 503 ? body.error : status));
      expect(codes.filter((code) => code !== 200 && code !== 'SERVICE_BUSY')).toEqual([]);
      if (codes.includes('SERVICE_BUSY')) break;
      expect(Date.now()).toBeLessThan(deadline);
    }
    await expectStatus('listRejectedRows', { id: partial }, 200);
  });

  it('answer each error as it is documented', async () => {
    for (const id of ['getJob', 'cancelJob', 'resumeJob', 'listRejectedRows']) {
      await expectProblem(id, { id: 'nosuchid' }, 404, 'JOB_NOT_FOUND');
    }
    await expectProblem('listJobs', { query: { state: 'DONE' } }, 400, 'INVALID_REQUEST');
    await expectProblem('listJobs', { query: { resumable: 'maybe' } }, 400, 'INVALID_REQUEST');
    await expectProblem('listRejectedRows', { id: partial, query: { limit: '0' } }, 400, 'INVALID_REQUEST');
    const api = new Api(service.url);
    const { job_id: id } = await api.ended((await api.createJob('wide', makeOrders(4, 2).csv)).job_id);
    await deleteTopics(brokers, [`${service.topicPrefix}_${id}_dlq`]);
    await expectProblem('listRejectedRows', { id }, 410, 'REJECTED_EXPIRED');
  });

  it.each<[string, number, Question]>([
    ['UNSUPPORTED_FILE_TYPE', 400, { body: form({ ...uploads, file: '{\n"id":1}' }) }],
    ['MISSING_MODEL_ID', 400, { body: form({ file: CSV }) }],
    ['MISSING_FILE', 400, { body: form({ model_id: 'orders' }) }],
    ['READ_ERROR', 400, { body: form({ ...uploads, file: '' }) }],
    ['INVALID_OPTION', 400, { body: form({ ...uploads, delimiter: ';;' }) }],
    ['INVALID_REQUEST', 400, { body: form(uploads), headers: { 'idempotency-key': '' } }],
    [
      'INVALID_MULTIPART',
      400,
      { body: Buffer.from('x'), headers: { 'content-type': 'multipart/form-data; boundary=x' } },
    ],
    ['MODEL_NOT_FOUND', 404, { body: form({ ...uploads, model_id: 'none' }) }],
    ['JOB_NOT_FOUND', 404, { body: form({ model_id: 'orders', from_job: 'nosuchid' }) }],
    ['INVALID_OPTION', 400, { body: form({ ...uploads, from_job: 'nosuchid' }) }],
    ['FILE_TOO_LARGE', 413, { body: form(uploads), claim: 2 * MAX_BYTES }],
    ['FILE_TOO_LARGE', 413, { body: form({ ...uploads, file: 'a'.repeat(MAX_BYTES + 1) }) }],
    ['UNSUPPORTED_MEDIA_TYPE', 415, { body: Buffer.from(CSV), headers: { 'content-type': 'text/csv' } }],
  ])('refuse a file with %s', async (code, status, question) => {
    await expectProblem('createJob', question, status, code);
  });
});

describe('the inference of models, by the contract', () => {
  it('proposes a schema that can be used', async () => {
    const { body } = await expectStatus('inferModel', { body: form({ file: 'id,qty\n1,2\n2,N/A\n' }) }, 200);
    expect([body.schema, body.null_values]).toEqual([{ id: 'Int32', qty: 'Nullable(Int32)' }, { qty: ['N/A'] }]);
    await expectStatus('createModel', { body: { id: 'inferred', name: 'Inferred', schema: body.schema } }, 201);
  });

  it('proposes the schema of a Parquet file', async () => {
    const file = readFileSync(fixture('row-groups.parquet'));
    const { body } = await expectStatus('inferModel', { body: fileForm(file) }, 200);
    expect(body).toMatchObject({ format: 'parquet', dialect: null, null_values: [], rows_rejected: 0 });
    await expectStatus('createModel', { body: { id: 'inferred-parquet', name: 'P', schema: body.schema } }, 201);
  });

  it('proposes schemas for JSON and NDJSON, flat and nested, whole and in part', async () => {
    const flat = await expectStatus('inferModel', { body: form({ file: '[{"id":1},{"id":2.5,"":0}]' }) }, 200);
    expect(flat.body).toMatchObject({ format: 'json', dialect: null, schema: { id: 'Float64' } });
    expect(flat.body.skipped_columns).toEqual([{ name: '', reason: expect.any(String) }]);
    const beginning = gzipSync('{"id":1,"tags":[{"name":"a"}]}\n{"id":2}\n{"id"').subarray(0, -8);
    const nested = await expectStatus('inferModel', { body: fileForm(beginning), query: { partial: 'true' } }, 200);
    expect(nested.body).toMatchObject({ format: 'ndjson', rows_sampled: 2, truncated: true });
    const { schema } = nested.body;
    await expectStatus('createModel', { body: { id: 'inferred-nested', name: 'N', schema } }, 201);
  });

  it('answers when too many ask at once', async () => {
    const asked = Array.from({ length: 40 }, () => client.ask('inferModel', { body: form({ file: CSV }) }));
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
  });

  it('answers when its process is killed', async () => {
    const others = new Set(runnerPids(service));
    const rows = '1,2\n'.repeat(200_000);
    const asked = client.ask('inferModel', { body: form({ file: `a,b\n${rows}` }) });
    for (const deadline = Date.now() + 30_000; ; ) {
      expect(Date.now()).toBeLessThan(deadline);
      const pid = runnerPids(service).find((each) => !others.has(each));
      if (pid !== undefined) {
        process.kill(pid, 'SIGKILL');
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const { status, body } = await asked;
    expect([status, body.error]).toEqual([500, 'INTERNAL_ERROR']);
  });

  const compressed = (text: string): Buffer => gzipSync(Buffer.from(text));

  it.each<[string, number, Question]>([
    ['UNSUPPORTED_FILE_TYPE', 400, { body: form({ file: '{\n"id":1}' }) }],
    ['HEADER_MISMATCH', 400, { body: form({ file: '[]' }) }],
    ['INVALID_OPTION', 400, { body: form({ file: '{"id":1}', null_values: 'N/A' }) }],
    ['UNSUPPORTED_FILE_TYPE', 400, { body: form({ file: 'PK\x03\x04' }) }],
    ['MISSING_FILE', 400, { body: form({ partial: 'true' }) }],
    ['READ_ERROR', 400, { body: form({ file: '' }) }],
    ['INVALID_OPTION', 400, { body: form({ file: CSV, model_id: 'orders' }) }],
    ['INVALID_OPTION', 400, { body: form({ file: CSV }), query: { compression: 'zstd' } }],
    [
      'INVALID_MULTIPART',
      400,
      { body: Buffer.from('x'), headers: { 'content-type': 'multipart/form-data; boundary=x' } },
    ],
    ['HEADER_MISMATCH', 400, { body: form({ file: '\n\n' }) }],
    ['DIALECT_UNCLEAR', 400, { body: form({ file: 'a,b;c\nx,y;z\nu,v;w\n' }) }],
    ['HEADER_MISMATCH', 400, { body: fileForm(readFileSync(fixture('too-deep.parquet'))) }],
    ['INVALID_OPTION', 400, { body: fileForm(readFileSync(fixture('too-deep.parquet'))), query: { partial: 'true' } }],
    ['INVALID_OPTION', 400, { body: fileForm(readFileSync(fixture('too-deep.parquet'))), query: { delimiter: ';' } }],
    ['FILE_CORRUPT', 400, { body: fileForm(Buffer.from('PAR1 and nothing else')) }],
    ['FILE_CORRUPT', 400, { body: fileForm(compressed(CSV).subarray(0, -9)) }],
    ['FILE_TOO_COMPLEX', 400, { body: fileForm(compressed(`id\n${'a'.repeat(64 * 1024 ** 2)}`)) }],
    ['FILE_TOO_LARGE', 413, { body: form({ file: 'a'.repeat(MAX_BYTES + 1) }) }],
    ['UNSUPPORTED_MEDIA_TYPE', 415, { body: Buffer.from(CSV), headers: { 'content-type': 'text/csv' } }],
  ])('refuses a file with %s', async (code, status, question) => {
    await expectProblem('inferModel', question, status, code);
  });

  it('leaves no file behind', async () => {
    const left = await readdir(join(service.dataDir, 'spool'));
    expect(left.filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('sinks, by the contract', () => {
  const ALL = { sinks: ['clickhouse', 'postgres'] };
  let postgres: PostgresServer;
  let api: Api;
  let sinksOf: (env: Record<string, string>) => Promise<void>;

  beforeAll(async () => {
    postgres = await startPostgres();
    const POSTGRES_SINK_URL = await postgres.createDatabase();
    sinksOf = async (env) => {
      await service.stop();
      service = await startService({ brokers, dataDir: service.dataDir, env: { POSTGRES_SINK_URL, ...env } });
      client = clientOf(service);
      api = new Api(service.url);
    };
    await sinksOf({ CLICKHOUSE_URL: NO_SINKS.CLICKHOUSE_URL });
  }, 300_000);
  afterAll(() => postgres.stop());

  const inState = (id: string, name: string, state: string): Promise<unknown> =>
    api.until(id, ({ sinks }) => sinks.some((sink) => sink.name === name && sink.state === state));

  it('are added to a job, tried again, and lose its rows', async () => {
    expect((await expectStatus('addSinks', { id: partial, body: ALL }, 202)).body.sinks).toHaveLength(2);
    await inState(partial, 'postgres', 'LOADED');
    await inState(partial, 'clickhouse', 'RETRYING');
    expect((await expectStatus('listSinks', {}, 200)).body).toMatchObject([
      { name: 'clickhouse', error: { code: 'SINK_UNAVAILABLE' } },
      { name: 'postgres', error: null },
    ]);
    await expectProblem('addSinks', { id: partial, body: ALL }, 409, 'SINK_STATE_CONFLICT');
    await expectStatus('retrySink', { id: partial, name: 'clickhouse' }, 202);
    await expectProblem('retrySink', { id: partial }, 409, 'SINK_STATE_CONFLICT');
    await expectStatus('removeSinkRows', { id: partial }, 202);
    await inState(partial, 'postgres', 'REMOVED');
    await expectStatus('addSinks', { id: partial, body: { sinks: ['postgres'] } }, 202);
    await inState(partial, 'postgres', 'LOADED');
  });

  it('answer each error as it is documented', async () => {
    const at = { body: { sinks: ['postgres'] } };
    await expectProblem('addSinks', { id: 'nosuchid', ...at }, 404, 'JOB_NOT_FOUND');
    const json = { 'content-type': 'application/json' };
    await expectProblem('addSinks', { id: partial, headers: json, body: Buffer.from('{') }, 400, 'INVALID_JSON');
    await expectProblem('addSinks', { id: partial, body: { sinks: ['mysql'] } }, 400, 'INVALID_REQUEST');
    const text = { headers: { 'content-type': 'text/plain' }, body: Buffer.from('a') };
    await expectProblem('addSinks', { id: partial, ...text }, 415, 'UNSUPPORTED_MEDIA_TYPE');
    const { job_id: plain } = await api.ended((await api.createJob('wide', makeOrders(4, 2).csv)).job_id);
    for (const id of ['retrySink', 'removeSinkRows']) {
      await expectProblem(id, { id: 'nosuchid' }, 404, 'JOB_NOT_FOUND');
      await expectProblem(id, { id: plain }, 404, 'SINK_NOT_FOUND');
      await expectProblem(id, { id: partial, name: 'mysql' }, 400, 'INVALID_REQUEST');
    }
    await deleteTopics(brokers, [`${service.topicPrefix}_${plain}`]);
    await expectProblem('addSinks', { id: plain, ...at }, 410, 'SINK_EXPIRED');
  });

  it('do not give back the rows of a job that is under way', async () => {
    const runners = await freezeRunners();
    try {
      const ids = [];
      while (ids.length < 2)
        ids.push((await api.createJob('orders', Buffer.from(CSV), {}, { sinks: 'postgres' })).job_id);
      await expectProblem('removeSinkRows', { id: ids[1] as string }, 409, 'SINK_STATE_CONFLICT');
    } finally {
      for (const pid of runners) process.kill(pid, 'SIGCONT');
    }
  });

  it('are known by their settings', async () => {
    await sinksOf({ SINK_LINEAGE: 'off' });
    await expectProblem('addSinks', { id: partial, body: ALL }, 400, 'SINK_NOT_CONFIGURED');
    const unknown = { body: form({ ...uploads, sinks: 'clickhouse' }) };
    await expectProblem('createJob', unknown, 400, 'SINK_NOT_CONFIGURED');
    await expectProblem('removeSinkRows', { id: partial, name: 'clickhouse' }, 400, 'SINK_NOT_CONFIGURED');
    await expectProblem('removeSinkRows', { id: partial }, 409, 'SINK_NOT_REVERSIBLE');
  });
});

describe('every operation, by the contract', () => {
  /** One that would work. */
  function harmless(operation: Operation): Question {
    if (operation.id === 'inferModel') return { body: form({ file: CSV }) };
    if (operation.id === 'createJob') return { body: form({ ...uploads, model_id: 'none' }) };
    const at = operation.path.startsWith('/models/') ? { id: 'none' } : { id: partial };
    if (operation.id === 'createFeed') return { ...at, body: { id: 'one' } };
    if (['retryFeedFiles', 'notifyFeed'].includes(operation.id)) return { ...at, body: {} };
    if (operation.id === 'createKey') return { ...at, body: { name: 'loader', scope: 'read' } };
    if (operation.id === 'createModel') return { ...at, body: { name: 'orders', schema: ORDERS_SCHEMA } };
    if (operation.id === 'addSinks') return { ...at, body: { sinks: ['postgres'] } };
    return operation.id === 'updateModel' ? { ...at, body: { schema: ORDERS_SCHEMA } } : at;
  }

  it.each(operations.map((operation) => [operation.id, operation] as const))(
    '%s knows its own',
    async (id, operation) => {
      const isProbe = ['/healthz', '/readyz', '/metrics'].includes(operation.path);
      for (const [headers, status] of [
        [{ host: 'evil.example' }, isProbe ? 200 : 421],
        [{ origin: 'https://evil.example' }, 403],
      ] as const) {
        await expectStatus(id, { ...harmless(operation), headers }, status);
      }
    },
  );

  it('of keys is refused if the service asks for none', async () => {
    for (const id of ['createKey', 'listKeys', 'getCurrentKey', 'revokeKey']) {
      const body = id === 'createKey' ? { body: { name: 'a', scope: 'read' } } : {};
      await expectProblem(id, { id: 'none0000', ...body }, 403, 'FORBIDDEN');
    }
  });

  it('with a body ends a request that stands still', async () => {
    await Promise.all(
      (
        [
          'createJob',
          'inferModel',
          'createKey',
          'createModel',
          'updateModel',
          'addSinks',
          'createFeed',
          'retryFeedFiles',
          'notifyFeed',
        ] as const
      ).map(async (id) => {
        const isForm = id === 'createJob' || id === 'inferModel';
        const body = isForm ? form({ file: CSV }) : Buffer.from('{');
        const json = { headers: { authorization, 'content-type': 'application/json' } };
        const about = id === 'addSinks' ? partial : id === 'notifyFeed' ? 'one' : 'orders';
        const question = { id: about, body, ...(isForm ? {} : json), claim: 10_000 };
        await expectProblem(id, question, 408, 'UPLOAD_TIMEOUT');
      }),
    );
  });
});

describe('a service that asks for keys, by the contract', () => {
  let postgres: PostgresServer;
  let url: string;
  let open: Service;
  let admin: string;
  const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

  beforeAll(async () => {
    open = service;
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    const env = { ROLE: 'all', AUTH: 'keys', DATABASE_URL: url };
    const made = await runService({ ...env, DATA_DIR: await newDataDir() }, ['key', 'create', 'admin']);
    admin = made.stdout.trim();
    service = await startService({ brokers, dataDir: await newDataDir(), env });
    client = clientOf(service, as(admin));
  }, 300_000);
  afterAll(async () => {
    await service.stop();
    await postgres.stop();
    service = open;
    client = clientOf(service);
  });

  const made = async (name: string, body: Branch): Promise<string> =>
    (await expectStatus('createKey', { body: { name, ...body } }, 201)).body.key;
  const keyOperations: [string, Question][] = [
    ['createKey', { body: { name: 'loader', scope: 'read' } }],
    ['listKeys', {}],
    ['getCurrentKey', {}],
    ['revokeKey', { id: 'none0000' }],
  ];

  it('creates, lists, shows and revokes them', async () => {
    const { key, ...shown } = (
      await expectStatus('createKey', { body: { name: 'loader', scope: 'write', models: ['orders'] } }, 201)
    ).body;
    const page = await expectStatus('listKeys', { query: { limit: '1' } }, 200);
    expect([page.body, page.headers.link]).toEqual([[shown], expect.stringContaining('cursor=')]);
    expect((await expectStatus('getCurrentKey', { headers: as(key) }, 200)).body).toEqual(shown);
    await expectStatus('revokeKey', { id: shown.id }, 200);
    await expectProblem('getCurrentKey', { headers: as(key) }, 401, 'UNAUTHENTICATED');
    await expectProblem('revokeKey', { id: 'none0000' }, 404, 'KEY_NOT_FOUND');
    await expectProblem('createKey', { body: { name: 'a', scope: 'root' } }, 400, 'INVALID_REQUEST');
    const json = { 'content-type': 'application/json' };
    await expectProblem('createKey', { headers: json, body: Buffer.from('{') }, 400, 'INVALID_JSON');
    const text = { headers: { 'content-type': 'text/plain' }, body: Buffer.from('a') };
    await expectProblem('createKey', text, 415, 'UNSUPPORTED_MEDIA_TYPE');
    await expectProblem('listKeys', { query: { limit: '0' } }, 400, 'INVALID_REQUEST');
    expect(service.log()).not.toContain(key.slice(15));
    expect(service.log()).not.toContain(admin.slice(15));
  });

  it('refuses each request without one, or with one that is not for it', async () => {
    const reader = as(await made('reader', { scope: 'read' }));
    const some = as(await made('some', { scope: 'read', models: ['some'] }));
    for (const { id, node } of operations) {
      const needed = (node['security'] as Branch[]).flatMap((each) => each['apiKey'] as string[] | undefined)[0];
      if (needed === undefined || id === 'getReadiness') continue;
      await expectProblem(id, { id: 'orders', headers: as('') }, 401, 'UNAUTHENTICATED');
      if (needed !== 'read') await expectProblem(id, { id: 'orders', headers: reader }, 403, 'FORBIDDEN');
    }
    await expectProblem('getReadiness', { headers: as('') }, 401, 'UNAUTHENTICATED');
    await expectProblem('listJobs', { query: { model_id: 'orders' }, headers: some }, 403, 'FORBIDDEN');
    for (const id of ['getModel', 'listModelVersions', 'getModelVersion', 'listSinks', 'getMetrics']) {
      await expectProblem(id, { id: 'orders', headers: some }, 403, 'FORBIDDEN');
    }
  });

  it('limits requests and guesses', async () => {
    await service.stop();
    const env = { ROLE: 'all', AUTH: 'keys', DATABASE_URL: url };
    const limits = { RATE_LIMIT: '1', RATE_LIMIT_WRONG_KEYS: '1' };
    service = await startService({ brokers, dataDir: await newDataDir(), env: { ...env, ...limits } });
    client = clientOf(service);
    await expectProblem('listJobs', { headers: as('') }, 401, 'UNAUTHENTICATED');
    for (const { id } of operations) {
      if (id === 'getLiveness') continue;
      // The only one whose secret is not an API key: counted as a request without one.
      if (id === 'notifyFeed') await client.ask(id, { id: 'orders', body: {} });
      const { headers } = await expectProblem(id, { id: 'orders', headers: as('') }, 429, 'RATE_LIMITED');
      expect(headers['retry-after']).toBe(headers['ratelimit-reset']);
    }
    await service.stop();
    service = await startService({ brokers, dataDir: await newDataDir(), env });
    client = clientOf(service, as(admin));
  });

  it('says so while its database is full, broken or away', async () => {
    const fresh = as(await made('fresh', { scope: 'write' }));
    const { body: keys } = await expectStatus('listKeys', {}, 200);
    await postgres.query(
      `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON api_keys EXECUTE FUNCTION full_disk();`,
      url,
    );
    await expectProblem('createKey', { body: { name: 'a', scope: 'read' } }, 507, 'INSUFFICIENT_STORAGE');
    await expectProblem('revokeKey', { id: keys[0].id }, 507, 'INSUFFICIENT_STORAGE');
    await postgres.query('ALTER TABLE api_keys RENAME TO keys_of_another', url);
    for (const [id, question] of keyOperations) await expectProblem(id, question, 500, 'INTERNAL_ERROR');
    for (const id of ['getMetrics', 'getDiagnosis']) await expectProblem(id, {}, 500, 'INTERNAL_ERROR');
    await postgres.query('ALTER TABLE keys_of_another RENAME TO api_keys', url);
    await expectStatus('getMetrics', {}, 200);
    await postgres.kill();
    for (const [id, question] of keyOperations) await expectProblem(id, question, 503, 'STORE_UNAVAILABLE');
    // With a key that was good a moment ago, then with one that nobody has asked about yet.
    await expectStatus('getMetrics', {}, 200);
    for (const id of ['getMetrics', 'getDiagnosis', 'createBackup']) {
      await expectProblem(id, { headers: fresh }, 503, 'STORE_UNAVAILABLE');
    }
    await expectProblem('inferModel', { body: form({ file: CSV }), headers: fresh }, 503, 'STORE_UNAVAILABLE');
  });
});

describe('a service that lacks what it needs, by the contract', () => {
  it('says so while there is no broker', async () => {
    await service.stop();
    service = await startService({ brokers: NO_BROKER, dataDir: service.dataDir, env: NO_SINKS });
    client = clientOf(service);
    const { body: jobs } = await expectStatus('listJobs', { query: { state: 'SUCCESS' } }, 200);
    const { job_id } = jobs.find(({ sinks }: { sinks: unknown[] }) => sinks.length === 0);
    await expectProblem('addSinks', { id: job_id, body: { sinks: ['clickhouse'] } }, 503, 'KAFKA_UNAVAILABLE');
    for (const [id, at] of [
      ['createJob', ''],
      ['listRejectedRows', partial],
    ] as const) {
      await expectProblem(
        id,
        { id: at, body: id === 'createJob' ? form(uploads) : undefined },
        503,
        'KAFKA_UNAVAILABLE',
      );
    }
    expect((await expectStatus('getReadiness', {}, 503)).body.error.kafka.status).toBe('down');
    await expectStatus('getLiveness', {}, 200);
    expect((await expectStatus('getDiagnosis', {}, 200)).body.status).toBe('error');
  });

  onOneProcess('says so while its store is broken', async () => {
    await service.stop();
    breakStore(service.dataDir, partial, 'wide');
    service = await startService({ brokers, dataDir: service.dataDir, env: NO_SINKS });
    client = clientOf(service);
    for (const [id, question] of storeQuestions()) await expectProblem(id, question, 500, 'INTERNAL_ERROR');
  });

  it('says so while its database is away', async () => {
    await service.stop();
    const postgres = await startPostgres();
    try {
      const env = { DATABASE_URL: await postgres.createDatabase(), ...NO_SINKS };
      service = await startService({ brokers, dataDir: await newDataDir(), env });
      client = clientOf(service);
      await expectProblem('createBackup', {}, 409, 'BACKUP_BY_DATABASE');
      await postgres.kill();
      for (const [id, question] of storeQuestions()) await expectProblem(id, question, 503, 'STORE_UNAVAILABLE');
    } finally {
      await service.stop();
      await postgres.stop();
    }
  }, 300_000);

  it('says so while its jobs have as many topics as they may', async () => {
    await service.stop();
    const env = { MAX_JOB_TOPICS: '3' };
    service = await startService({ brokers, dataDir: await newDataDir(), env });
    client = clientOf(service);
    const api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
    const upload = { body: form({ ...uploads }), headers: { 'idempotency-key': 'the first' } };
    const { job_id: id } = (await expectStatus('createJob', upload, 202)).body;
    const refused = await expectProblem('createJob', { body: form(uploads) }, 503, 'TOPIC_LIMIT');
    expect(refused.body.hint).toContain('DELETE /jobs/{id}?purge=true');
    await api.ended(id);
    await expectStatus('createJob', { ...upload, body: form({ ...uploads }) }, 200);
    await expectStatus('cancelJob', { id, query: { purge: 'true', force: 'true' } }, 202);
    for (const deadline = Date.now() + 60_000; (await api.upload('orders', Buffer.from(CSV))).status !== 202; ) {
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });

  it('says so while it has too many uploads', async () => {
    await service.stop();
    service = await startService({ brokers, dataDir: await newDataDir(), env: { MAX_UPLOADS: '1' } });
    client = clientOf(service);
    const holder = await RawClient.connect(Number(new URL(service.url).port));
    try {
      const invited = new Promise((resolve) => holder.socket.once('data', resolve));
      await holder.send(uploadHead({ 'content-length': 1_000, expect: '100-continue' }, '/models/infer'));
      await invited;
      await expectProblem('createJob', { body: form({ file: CSV }) }, 503, 'SERVICE_BUSY');
    } finally {
      holder.destroy();
    }
  });

  onOneProcess('says so while its store cannot grow', async () => {
    await service.stop();
    const env = { JOB_CONCURRENCY: '1', SOURCES: `file:${folder}`, ...NO_SINKS };
    service = await startService({ brokers, dataDir: await newDataDir(), env });
    client = clientOf(service);
    const api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
    const { job_id: loading } = await api.createJob('orders', makeOrders(10).csv, {}, { sinks: 'postgres' });
    await api.until(loading, ({ sinks }) => sinks[0]?.state === 'RETRYING');
    const feed = (id: string) => ({ id, source: { uri: `file://${folder}/feed/none-*` }, model_id: 'orders', secret });
    await expectStatus('createFeed', { body: feed('one') }, 201);
    const runners = await freezeRunners();
    try {
      const [, waiting = '', cancelled = ''] = await createJobs('orders', 3);
      await expectStatus('cancelJob', { id: cancelled }, 202);
      const backups = join(service.dataDir, 'backups');
      await writeFile(backups, '');
      await expectProblem('createBackup', {}, 500, 'INTERNAL_ERROR');
      await rm(backups);
      const { body: backup } = await expectStatus('createBackup', {}, 201);
      expect(backup.file).toContain(backups);
      // No file may be longer than that, as under a quota.
      execFileSync('prlimit', ['--pid', `${service.pid}`, '--fsize=1']);
      const questions: [string, Question][] = [
        ['createBackup', {}],
        ['createModel', { body: FLAT }],
        ['updateModel', { id: 'orders', body: { schema: FLAT['schema'] ?? {} } }],
        ['deleteModel', { id: 'orders' }],
        ['cancelJob', { id: waiting }],
        ['resumeJob', { id: cancelled }],
        ['addSinks', { id: cancelled, body: { sinks: ['postgres'] } }],
        ['retrySink', { id: loading }],
        ['removeSinkRows', { id: loading }],
        ['createFeed', { body: feed('two') }],
        ['retryFeedFiles', { id: 'one', body: {} }],
        ['notifyFeed', { id: 'one', headers: { authorization, 'ce-specversion': '1.0' }, body: {} }],
        ...['pauseFeed', 'resumeFeed', 'deleteFeed'].map((id): [string, Question] => [id, { id: 'one' }]),
      ];
      for (const [id, question] of questions) await expectProblem(id, question, 507, 'INSUFFICIENT_STORAGE');
    } finally {
      for (const pid of runners) process.kill(pid, 'SIGCONT');
    }
  });

  (hasS3 ? it : it.skip)(
    'says so while S3 does not answer',
    async () => {
      await service.stop();
      const s3 = await startS3();
      try {
        const env = { ...s3.env, STORAGE_URL: `s3://${s3.bucket}` };
        service = await startService({ brokers, dataDir: await newDataDir(), env });
        client = clientOf(service);
        await new Api(service.url).createModel('orders', ORDERS_SCHEMA);
        const cancelled = await cancelledJob('orders');
        await s3.kill();
        await expectProblem('createJob', { body: form({ file: CSV }) }, 503, 'STORAGE_UNAVAILABLE');
        await expectProblem('resumeJob', { id: cancelled }, 503, 'STORAGE_UNAVAILABLE');
      } finally {
        await service.stop();
        await s3.stop();
      }
    },
    S3_START_MS,
  );

  it('says so if the broker does not let it, or cannot do it', async () => {
    await service.stop();
    const kafka = await startAuthorizingBroker();
    try {
      const permissions = await documentedPermissions();
      await kafka.grant(permissions);
      const dataDir = await newDataDir();
      const env = { ...kafka.env, ...NO_SINKS, JOB_CONCURRENCY: '1' };
      service = await startService({ brokers: kafka.secured, dataDir, env });
      client = clientOf(service);
      const api = new Api(service.url);
      await api.createModel('wide', ORDERS_SCHEMA);
      const cancelled = await cancelledJob('wide');
      const { job_id: id } = await api.ended((await api.createJob('wide', makeOrders(60, 2).csv)).job_id);
      await kafka.grant(withoutPermission(permissions, AclResourceTypes.TOPIC, AclOperationTypes.READ));
      await expectProblem('listRejectedRows', { id }, 502, 'KAFKA_REJECTED');
      await kafka.grant([]);
      const refused = { body: form({ ...uploads, model_id: 'wide' }) };
      await expectProblem('createJob', refused, 502, 'KAFKA_REJECTED');
      await expectProblem('addSinks', { id, body: { sinks: ['postgres'] } }, 502, 'KAFKA_REJECTED');

      await kafka.grant([...permissions, DESCRIBE_CONFIGS]);
      await service.stop();
      await changeBrokerConfig(kafka.broker.brokers, VERIFICATION, 'false');
      service = await startService({ brokers: kafka.secured, dataDir, env: kafka.env });
      client = clientOf(service);
      for (const deadline = Date.now() + 60_000; !(await isDown('kafka')) && Date.now() < deadline; ) await sleep(100);
      await expectProblem('createJob', refused, 502, 'KAFKA_UNSUPPORTED');
      await expectProblem('resumeJob', { id: cancelled }, 502, 'KAFKA_UNSUPPORTED');
    } finally {
      await kafka.stop();
    }
  });

  it('says so while its disk is full', async () => {
    await service.stop();
    const env = { MIN_FREE_BYTES: `${Number.MAX_SAFE_INTEGER}` };
    service = await startService({ brokers, dataDir: await newDataDir(), env });
    client = clientOf(service);
    await new Api(service.url).createModel('orders', ORDERS_SCHEMA);
    for (const id of ['createJob', 'inferModel']) {
      await expectProblem(id, { body: form({ file: CSV }) }, 507, 'INSUFFICIENT_STORAGE');
    }
    expect((await expectStatus('getReadiness', {}, 503)).body.error.disk.status).toBe('down');
  });
});

describe('what the contract does not know', () => {
  it.each([
    ['GET', '/nope', 404, 'NOT_FOUND', null],
    ['PATCH', '/jobs', 405, 'METHOD_NOT_ALLOWED', 'GET, POST'],
    ['DELETE', '/healthz', 405, 'METHOD_NOT_ALLOWED', 'GET'],
  ])('is a problem: %s %s', async (method, path, status, code, allow) => {
    const response = await fetch(service.url + path, { method });
    const problem = (await response.json()) as Branch;
    expect([response.status, problem['error'], response.headers.get('allow')]).toEqual([status, code, allow]);
    expect(violations('/components/schemas/Problem', problem)).toEqual([]);
    seen.add(`none ${status} ${code}`);
  });
});

onOneProcess('has shown every answer and every code of the contract', () => {
  expect(
    documented()
      .filter((what) => !seen.has(what))
      .toSorted(),
  ).toEqual([...NOT_CAUSED, ...BY_S3].toSorted());
  const codes = new Set([...seen, ...BY_S3].map((what) => what.split(' ')[2]));
  expect((at('/components/schemas/ErrorCode/enum') as string[]).filter((code) => !codes.has(code))).toEqual([]);
});
