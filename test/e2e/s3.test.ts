import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { runService } from '../kit/run-service.js';
import { runnerPids } from '../kit/runners.js';
import { hasS3, type S3Server, startS3 } from '../kit/s3.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const PREFIX = 'some/prefix';
const SERVER_START_MS = 600_000;

let s3: S3Server;
let dataDir: string;
let service: Service;
let api: Api;

async function start(): Promise<void> {
  const env = { ...s3.env, STORAGE_URL: `s3://${s3.bucket}/${PREFIX}` };
  service = await startService({ brokers, dataDir, env });
  api = new Api(service.url);
}

/** The keys of the objects that files consist of, in order, without the prefix. */
async function keys(): Promise<string[]> {
  const client = s3.client();
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: `${PREFIX}/` }));
  client.destroy();
  return Contents.map(({ Key = '' }) => Key.slice(PREFIX.length + 1))
    .filter((key) => key !== 'installation' && key !== 'probe')
    .sort();
}

async function untilKeys(what: (found: string[]) => boolean): Promise<string[]> {
  for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
    const found = await keys();
    if (what(found)) return found;
    if (Date.now() > deadline) throw new Error(`The bucket has ${found.join(', ')}`);
  }
}

async function readiness(): Promise<{ status: number; storage: string | undefined }> {
  const response = await fetch(`${service.url}/readyz`);
  const { details } = (await response.json()) as { details: Record<string, { status: string }> };
  return { status: response.status, storage: details['storage']?.status };
}

(hasS3 ? describe : describe.skip)('a service with its files in S3', () => {
  beforeAll(async () => {
    s3 = await startS3();
    dataDir = await mkdtemp(join(tmpdir(), 'batch-data-'));
    await start();
    await api.createModel('orders', ORDERS_SCHEMA);
  }, SERVER_START_MS);
  afterAll(async () => {
    await service.stop();
    await s3.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('delivers every row of a file of many parts, and removes it', async () => {
    const orders = makeOrders(300_000);
    expect(orders.csv.length).toBeGreaterThan(8 * 1024 ** 2);
    const { job_id } = await api.createJob('orders', orders.csv);
    expect(await api.ended(job_id)).toMatchObject({ state: 'SUCCESS', totals: { ok: 300_000 } });
    await expectDelivered(brokers, await api.job(job_id), orders);
    await untilKeys((found) => found.length === 0);
    expect(await readdir(join(dataDir, 'spool'))).toEqual([]);
  });

  it('delivers rejected rows, gives the kept file to another job, and removes each file with its job', async () => {
    const orders = makeOrders(5_000, 7);
    const first = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    expect(first.state).toBe('PARTIAL_SUCCESS');
    await expectDelivered(brokers, first, orders);
    const body = new FormData();
    body.set('model_id', 'orders');
    body.set('from_job', first.job_id);
    const second = await api.ended(
      ((await (await fetch(`${service.url}/jobs`, { method: 'POST', body })).json()) as Job).job_id,
    );
    expect(second).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: first.totals, sha256: first.sha256 });
    await expectDelivered(brokers, second, orders);
    const ofOneFile = [/^files\/[0-9a-f-]{36}\/000001$/, /^files\/[0-9a-f-]{36}\/manifest$/];
    expect(await keys()).toEqual([...ofOneFile, ...ofOneFile].map((key) => expect.stringMatching(key) as string));
    for (const [left, { job_id }] of [first, second].entries()) {
      const purged = await fetch(`${service.url}/jobs/${job_id}?purge=true&force=true`, { method: 'DELETE' });
      expect(purged.status).toBe(202);
      await untilKeys((found) => found.length === 2 - 2 * left);
    }
  });

  it('goes on with a job after a kill in the middle of it', async () => {
    const orders = makeOrders(200_000, 1_000);
    const { job_id } = await api.createSlowJob('orders', orders.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    const runners = runnerPids(service);
    await service.kill('SIGKILL');
    for (const pid of runners) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has noticed that the service is gone.
      }
    }
    await start();
    const ended = await api.ended(job_id);
    expect(ended.state).toBe('PARTIAL_SUCCESS');
    await expectDelivered(brokers, ended, orders);
  });

  it('removes what a kill left of an upload', async () => {
    const before = await keys();
    const upload = request(`${service.url}/jobs?model_id=orders`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    upload.on('error', () => undefined); // the service is killed
    upload.write('--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n');
    upload.write(makeOrders(300_000).csv);
    await untilKeys((found) => found.length > before.length);
    await service.kill('SIGKILL');
    await start();
    expect(await untilKeys((found) => found.length <= before.length)).toEqual(before);
  });

  it('says that the storage is away, and goes on with its jobs when it is back', async () => {
    const orders = makeOrders(200_000);
    const { job_id } = await api.createSlowJob('orders', orders.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    await s3.kill();
    const refused = await api.upload('orders', makeOrders(10).csv);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await refused.json()).toMatchObject({ error: 'STORAGE_UNAVAILABLE' });
    expect(await readiness()).toEqual({ status: 503, storage: 'down' });
    await s3.restart();
    expect(await readiness()).toEqual({ status: 200, storage: 'up' });
    const ended = await api.ended(job_id);
    expect(ended.state).toBe('SUCCESS');
    await expectDelivered(brokers, ended, orders);
  });

  it('infers a model without S3', async () => {
    const before = await keys();
    const body = new FormData();
    body.set('file', new Blob([new Uint8Array(makeOrders(100).csv)]), 'orders.csv');
    const inferred = await fetch(`${service.url}/models/infer`, { method: 'POST', body });
    expect([inferred.status, await keys()]).toEqual([200, before]);
  });

  it('does not start while the storage is away, and says why', async () => {
    const other = await mkdtemp(join(tmpdir(), 'batch-data-'));
    const { status, stdout, stderr } = await runService({
      ...s3.env,
      S3_ENDPOINT: 'http://127.0.0.1:1',
      STORAGE_URL: 's3://uploads',
      DATA_DIR: other,
      PORT: '0',
      KAFKA_BROKERS: brokers,
    });
    await rm(other, { recursive: true });
    expect(status).toBe(1);
    expect(stdout + stderr).toContain('The storage did not answer as expected (ECONNREFUSED)');
  });
});
