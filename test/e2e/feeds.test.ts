import { mkdtempSync } from 'node:fs';
import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Feed } from '../../src/feeds/domain/feed.js';
import type { FeedFile } from '../../src/feeds/domain/feed-file.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const PATIENCE_MS = 120_000;

describe('a feed of a local folder', () => {
  const root = mkdtempSync(join(tmpdir(), 'batch-feeds-'));
  const { api } = useService({ models: { orders: ORDERS_SCHEMA }, env: { SOURCES: `file:${root}` } });
  const orders = makeOrders(500, 3);

  afterAll(() => rm(root, { recursive: true, force: true }));

  async function ask(method: string, path: string, body?: unknown): Promise<Response> {
    const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return fetch(`${api.url}${path}`, { method, ...(body === undefined ? {} : json) });
  }

  async function create(id: string, given: object = {}): Promise<Feed> {
    await mkdir(join(root, id), { recursive: true });
    const body = { id, source: { uri: `file://${root}/${id}/` }, model_id: 'orders', every: 1, ...given };
    const response = await ask('POST', '/feeds', body);
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text}`);
    return JSON.parse(text) as Feed;
  }

  async function filesOf(id: string): Promise<FeedFile[]> {
    return (await (await ask('GET', `/feeds/${id}/files?limit=1000`)).json()) as FeedFile[];
  }

  async function until(id: string, what: (feed: Feed) => boolean): Promise<Feed> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
      const feed = (await (await ask('GET', `/feeds/${id}`)).json()) as Feed;
      if (what(feed)) return feed;
      if (Date.now() > deadline) throw new Error(`gave up on ${JSON.stringify(feed)}`);
    }
  }

  /** As a careful sender does it: complete before it has its name, and old enough to be taken at once. */
  async function put(path: string, content: Buffer | string): Promise<void> {
    const [target, made] = [join(root, path), join(root, `${path}.part`)];
    await writeFile(made, content);
    await utimes(made, new Date(), new Date(Date.now() - 5_000));
    await rename(made, target);
  }

  it('takes every file once, and lists what became of each', async () => {
    await mkdir(join(root, 'in'));
    for (const name of ['a.csv', 'b.csv', 'c.csv']) await put(`in/${name}`, orders.csv);
    await writeFile(join(root, 'in', '.hidden.csv'), orders.csv);
    expect(await create('in')).toMatchObject({ state: 'ACTIVE', source: { uri: `file://${root}/in/` }, error: null });
    await until('in', ({ files }) => files.completed === 3);
    await put('in/d.csv', orders.csv);
    const feed = await until('in', ({ files }) => files.completed === 4);
    expect(feed.files).toEqual({ pending: 0, in_progress: 0, completed: 4, failed: 0 });
    const files = await filesOf('in');
    expect(files.map(({ uri }) => uri.split('/').at(-1))).toEqual(['d.csv', 'c.csv', 'b.csv', 'a.csv']);
    expect(new Set(files.map(({ job_id }) => job_id)).size).toBe(4);
    const jobs = (await (await ask('GET', '/jobs?limit=1000')).json()) as { source: { uri: string } | null }[];
    expect(new Set(jobs.map(({ source }) => source?.uri))).toEqual(new Set(files.map(({ uri }) => uri)));
    expect(jobs).toHaveLength(4);
    const job = await api.job(files[0]?.job_id ?? '');
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', source: { uri: files[0]?.uri } });
    await expectDelivered(brokers, job, orders);
  });

  it('goes on after a file that cannot be read', async () => {
    await mkdir(join(root, 'bad'));
    await put('bad/1.csv', '');
    await put('bad/2.csv', orders.csv);
    await create('bad', { source: { uri: `file://${root}/bad/*.csv` } });
    await until('bad', ({ files }) => files.completed === 1 && files.failed === 1);
    expect(await filesOf('bad')).toMatchObject([
      { state: 'COMPLETED', error: null },
      { state: 'FAILED', job_id: null, error: { code: 'READ_ERROR' } },
    ]);
  });

  it('is refused where it cannot work', async () => {
    const refused = async (body: object): Promise<unknown> => {
      const response = await ask('POST', '/feeds', { id: 'no', model_id: 'orders', ...body });
      return ((await response.json()) as { error: string }).error;
    };
    expect(await refused({ source: { uri: `file://${root}/one.csv` } })).toBe('INVALID_SOURCE');
    expect(await refused({ source: { uri: `file://${root}/missing/` } })).toBe('SOURCE_NOT_FOUND');
    expect(await refused({ source: { uri: 'file:///etc/' } })).toBe('SOURCE_NOT_ALLOWED');
    expect(await refused({ source: { uri: `file://${root}/../` } })).toBe('SOURCE_NOT_ALLOWED');
    expect(await refused({ source: { uri: `file://${root}/` }, model_id: 'none' })).toBe('MODEL_NOT_FOUND');
    expect(await refused({ source: { uri: `file://${root}/` }, options: { delimiter: 'xx' } })).toBe('INVALID_OPTION');
    expect((await ask('GET', '/feeds/none')).status).toBe(404);
  });
});
