import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { hasS3, type S3Server, startS3 } from '../kit/s3.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

(hasS3 ? describe : describe.skip)('two APIs on one database and one prefix in S3', () => {
  let postgres: PostgresServer;
  let s3: S3Server;
  let folder: string;
  let env: Record<string, string>;
  let first: Service;
  let second: Service;
  let worker: Service;

  const start = (name: string, role: string): Promise<Service> =>
    startService({ brokers, dataDir: join(folder, name), env: { ...env, ROLE: role, METRICS_PORT: '0' } });

  /** How many objects of files there are. */
  async function objects(): Promise<number> {
    const client = s3.client();
    const { KeyCount = 0 } = await client.send(
      new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: 'shared/files/' }),
    );
    client.destroy();
    return KeyCount;
  }

  /** An upload whose file has begun to come, so much that a part of it is stored. */
  async function begin(service: Service, file: Buffer, key: string): Promise<ClientRequest> {
    const before = await objects();
    const upload = request(`${service.url}/jobs?model_id=orders`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x', 'idempotency-key': key },
    });
    upload.on('error', () => undefined); // its service may be killed
    upload.write('--x\r\ncontent-disposition: form-data; name="file"; filename="data.csv"\r\n\r\n');
    upload.write(file);
    while ((await objects()) === before) await sleep(20);
    return upload;
  }

  async function finish(upload: ClientRequest, rest: Buffer): Promise<Job> {
    upload.write(rest);
    upload.end('\r\n--x--\r\n');
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    const text = await new Response(response as never).text();
    if (response.statusCode !== 202) throw new Error(`${response.statusCode} ${text}`);
    return JSON.parse(text) as Job;
  }

  beforeAll(async () => {
    postgres = await startPostgres();
    s3 = await startS3();
    folder = await mkdtemp(join(tmpdir(), 'batch-two-apis-'));
    env = {
      ...s3.env,
      DATABASE_URL: await postgres.createDatabase(),
      STORAGE_URL: `s3://${s3.bucket}/shared`,
      KAFKA_TOPIC_PREFIX: `batch_two_${process.pid}`,
    };
    first = await start('first', 'api');
    second = await start('second', 'api');
    worker = await start('worker', 'worker');
    await new Api(first.url).createModel('orders', ORDERS_SCHEMA);
  }, 600_000);
  afterAll(async () => {
    await Promise.all([first, second, worker].map((each) => each.stop()));
    await s3.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('take an upload at one through the crash and the start of the other', async () => {
    const orders = makeOrders(300_000);
    const middle = 6 * 1024 ** 2;
    const upload = await begin(first, orders.csv.subarray(0, middle), 'long');
    await second.kill('SIGKILL');
    second = await start('second', 'api');
    const { job_id } = await finish(upload, orders.csv.subarray(middle));
    const api = new Api(second.url);
    expect(await api.ended(job_id)).toMatchObject({ state: 'SUCCESS', totals: { ok: 300_000 } });
    await expectDelivered(brokers, await api.job(job_id), orders);
  });

  it('give one job for one Idempotency-Key that comes to both at the same time', async () => {
    const { csv } = makeOrders(1_000);
    const responses = await Promise.all(
      [first, second, first, second].map((each) =>
        new Api(each.url).upload('orders', csv, { 'idempotency-key': 'same' }),
      ),
    );
    const jobs = (await Promise.all(responses.map((response) => response.json()))) as Job[];
    expect(new Set(jobs.map(({ job_id }) => job_id)).size).toBe(1);
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 200, 200, 202]);
    expect(responses.map(({ headers }) => headers.get('idempotency-replayed')).filter(Boolean)).toHaveLength(3);
  });

  it('take the upload of one that was killed in the middle of it at the other, under the same key', async () => {
    const { csv } = makeOrders(300_000);
    await begin(second, csv, 'killed');
    await second.kill('SIGKILL');
    const response = await new Api(first.url).upload('orders', csv, { 'idempotency-key': 'killed' });
    expect(response.status).toBe(202);
    second = await start('second', 'api');
    const { job_id } = (await response.json()) as Job;
    expect(await new Api(second.url).ended(job_id)).toMatchObject({ state: 'SUCCESS', totals: { ok: 300_000 } });
  });
});
