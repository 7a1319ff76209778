import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { Job } from '../../packages/sdk/src/index.js';
import type { Feed } from '../../src/feeds/domain/feed.js';
import { type AzureServer, startAzure } from '../kit/azure.js';
import { type GcsServer, hasGcs, startGcs } from '../kit/gcs.js';
import { HttpProxy } from '../kit/http-proxy.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { hasS3, type S3Server, startS3 } from '../kit/s3.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const PATIENCE_MS = 120_000;
const START_MS = 600_000;
/** Two ranges. */
const orders = makeOrders(280_000, 10);
const few = makeOrders(300, 7);

interface Store {
  /** The URI of its bucket or container, with a slash at the end. */
  readonly uri: string;
  put(name: string, content: Buffer): Promise<void>;
  readonly proxy: HttpProxy;
}

describe('files in object stores', () => {
  const dir = mkdtempSync(join(tmpdir(), 'batch-cloud-sources-'));
  const connections = join(dir, 'connections.yaml');
  const stores: Record<string, Store> = {};
  const servers: (S3Server | GcsServer | AzureServer)[] = [];

  beforeAll(async () => {
    const options: Record<string, object> = {};
    if (hasS3) {
      const server = await startS3();
      const proxy = await HttpProxy.start(server.port);
      servers.push(server);
      const { env, bucket } = server;
      options[`s3://${bucket}`] = {
        endpoint: proxy.endpoint,
        access_key_id: env['AWS_ACCESS_KEY_ID'],
        secret_access_key: env['AWS_SECRET_ACCESS_KEY'],
      };
      const put = async (name: string, content: Buffer): Promise<void> => {
        const { PutObjectCommand } = await import('@aws-sdk/client-s3');
        const client = server.client();
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: content }));
        client.destroy();
      };
      stores['s3'] = { uri: `s3://${bucket}/`, put, proxy };
    }
    if (hasGcs) {
      const server = await startGcs();
      const proxy = await HttpProxy.start(server.port);
      servers.push(server);
      options[`gs://${server.bucket}`] = { endpoint: proxy.endpoint, anonymous: true };
      const put = async (name: string, content: Buffer): Promise<void> => void (await server.put(name, content));
      stores['gs'] = { uri: `gs://${server.bucket}/`, put, proxy };
    }
    const server = await startAzure();
    const proxy = await HttpProxy.start(server.port);
    servers.push(server);
    options[`az://${server.account}`] = {
      endpoint: `${proxy.endpoint}/${server.account}`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: SOURCE_CONNECTIONS has variables of the environment.
      account_key: '${AZURE_KEY}',
    };
    process.env['AZURE_KEY'] = server.accountKey;
    stores['az'] = { uri: `az://${server.account}/exports/`, put: (name, content) => server.put(name, content), proxy };
    await writeFile(connections, stringify(options));
    for (const { put } of Object.values(stores)) await put('in/orders.csv', orders.csv);
  }, START_MS);

  const { api } = useService({
    models: { orders: ORDERS_SCHEMA },
    env: { SOURCES: 's3://uploads,gs://exports,az://batchtest/exports', SOURCE_CONNECTIONS: connections },
  });

  afterEach(() => {
    for (const { proxy } of Object.values(stores)) {
      proxy.onRequest = () => 'pass';
      proxy.onBody = () => 'pass';
    }
  });
  afterAll(async () => {
    delete process.env['AZURE_KEY'];
    await Promise.all(Object.values(stores).map(({ proxy }) => proxy.stop()));
    await Promise.all(servers.map((server) => server.stop()));
    await rm(dir, { recursive: true, force: true });
  });

  async function post(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${api.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  async function start(uri: string): Promise<string> {
    const { status, body } = await post('/jobs', { model_id: 'orders', source: { uri } });
    if (status !== 202) throw new Error(`${status} ${JSON.stringify(body)}`);
    return (body as unknown as Job).job_id;
  }

  /** The beginning of the range that a request asks for; null: for none. */
  const firstByte = (headers: Record<string, unknown>): number | null => {
    const from = /^bytes=(\d+)-/.exec(`${headers['x-ms-range'] ?? headers['range'] ?? ''}`)?.[1];
    return from === undefined ? null : Number(from);
  };

  const kinds = [
    { kind: 's3', is: hasS3, expired: { status: 403 } },
    { kind: 'gs', is: hasGcs, expired: { status: 401 } },
    { kind: 'az', is: true, expired: { status: 403 } },
  ];
  for (const { kind, is, expired } of kinds) {
    (is ? describe : describe.skip)(`${kind}://`, () => {
      const store = (): Store => stores[kind] as Store;

      it('become jobs whose rows are delivered exactly, although the network fails now and then', async () => {
        let count = 0;
        store().proxy.onBody = (_method, _path, _status, headers) =>
          firstByte(headers) !== null && ++count % 2 === 1 ? { cutAfter: 2_000_000 } : 'pass';
        const job = await api.ended(await start(`${store().uri}in/orders.csv`), PATIENCE_MS);
        expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', source: { uri: `${store().uri}in/orders.csv` } });
        await expectDelivered(brokers, job, orders);
      });

      it('fail with SOURCE_FORBIDDEN if credentials expire in the middle, and go on with new ones', async () => {
        store().proxy.onRequest = (_method, _path, headers) =>
          (firstByte(headers) ?? 0) >= 8 * 1024 ** 2 ? expired : 'pass';
        const failed = await api.ended(await start(`${store().uri}in/orders.csv`), PATIENCE_MS);
        expect(failed).toMatchObject({ state: 'FAILED', error: { code: 'SOURCE_FORBIDDEN' } });
        expect(JSON.stringify(failed)).not.toMatch(/sig=|Signature=|AccountKey/);
        store().proxy.onRequest = () => 'pass';
        expect((await api.resume(failed.job_id)).status).toBeLessThan(300);
        const job = await api.ended(failed.job_id, PATIENCE_MS);
        expect(job.state).toBe('PARTIAL_SUCCESS');
        await expectDelivered(brokers, job, orders);
      });

      it('fail with SOURCE_CHANGED if they are replaced in the middle', async () => {
        await store().put('in/replaced.csv', orders.csv);
        const replaced = Promise.withResolvers<void>();
        let isReplaced = false;
        store().proxy.onRequest = (_method, _path, headers) => {
          if ((firstByte(headers) ?? 0) < 8 * 1024 ** 2 || isReplaced) return 'pass';
          replaced.resolve();
          return 'reset';
        };
        const jobId = await start(`${store().uri}in/replaced.csv`);
        await replaced.promise;
        await store().put('in/replaced.csv', few.csv);
        isReplaced = true;
        const job = await api.ended(jobId, PATIENCE_MS);
        expect(job).toMatchObject({ state: 'FAILED', error: { code: 'SOURCE_CHANGED' } });
      });

      it('are refused with the reason if they are not there, or not allowed', async () => {
        const missing = await post('/jobs', { model_id: 'orders', source: { uri: `${store().uri}in/typo.csv` } });
        expect(missing).toMatchObject({ status: 404, body: { error: 'SOURCE_NOT_FOUND' } });
        const other = await post('/jobs', { model_id: 'orders', source: { uri: `${kind}://others/x/typo.csv` } });
        expect(other).toMatchObject({ status: 403, body: { error: 'SOURCE_NOT_ALLOWED' } });
        store().proxy.onRequest = () => ({ status: 503 });
        const away = await post('/jobs', { model_id: 'orders', source: { uri: `${store().uri}in/orders.csv` } });
        expect(away).toMatchObject({ status: 503, body: { error: 'SOURCE_UNAVAILABLE' } });
      });

      it('are taken by a feed, each once', async () => {
        for (const name of ['a.csv', 'b c.csv', 'd/e.csv']) await store().put(`feed/${name}`, few.csv);
        const created = await post('/feeds', {
          ...{ id: kind, source: { uri: `${store().uri}feed/` }, model_id: 'orders', every: 1 },
        });
        expect(created).toMatchObject({ status: 201 });
        const until = async (count: number): Promise<Feed> => {
          for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
            const feed = (await (await fetch(`${api.url}/feeds/${kind}`)).json()) as Feed;
            if (feed.files.completed >= count) return feed;
            if (Date.now() > deadline) throw new Error(`gave up on ${JSON.stringify(feed)}`);
          }
        };
        await until(3);
        await store().put('feed/b c.csv', orders.csv.subarray(0, 4_000));
        await store().put('feed/f.csv', few.csv);
        await until(5);
        await sleep(2_500);
        expect((await until(5)).files).toEqual({ pending: 0, in_progress: 0, completed: 5, failed: 0 });
      });
    });
  }
});
