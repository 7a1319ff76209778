import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
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
  const suite = useService({ models: { orders: ORDERS_SCHEMA }, env: { SOURCES: `file:${root}` } });
  const { api } = suite;
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

  it('takes a file when its marker is there, or when it has not changed for a time', async () => {
    for (const id of ['done', 'success', 'hash', 'stable']) await mkdir(join(root, id));
    for (const id of ['done', 'success', 'hash', 'stable']) await put(`${id}/a.csv`, orders.csv);
    await create('done', { complete: { marker: 'done' } });
    await create('success', { complete: { marker: '_SUCCESS' } });
    await create('stable', { complete: { stable: 2 } });
    const stable = until('stable', ({ files }) => files.completed === 1);
    await until('done', ({ looked_at }) => looked_at !== null);
    await until('success', ({ looked_at }) => looked_at !== null);
    expect(await filesOf('done')).toEqual([]);
    expect(await filesOf('success')).toEqual([]);
    await put('done/a.csv.done', '');
    await put('success/_SUCCESS', '');
    await until('done', ({ files }) => files.completed === 1);
    await until('success', ({ files }) => files.completed === 1);
    await stable;
    expect((await filesOf('done')).map(({ uri }) => uri)).toEqual([`file://${root}/done/a.csv`]);
    expect((await filesOf('success')).map(({ uri }) => uri)).toEqual([`file://${root}/success/a.csv`]);
  });

  it('takes nothing while it is paused, and goes on where it was', async () => {
    await create('paused');
    expect(await (await ask('POST', '/feeds/paused/pause')).json()).toMatchObject({ state: 'PAUSED', error: null });
    await put('paused/a.csv', orders.csv);
    await sleep(2_500);
    expect(await filesOf('paused')).toEqual([]);
    expect(await (await ask('POST', '/feeds/paused/resume')).json()).toMatchObject({ state: 'ACTIVE' });
    await until('paused', ({ files }) => files.completed === 1);
  });

  it('is paused by too many failures in a row, and takes what has failed again when it is told to', async () => {
    await mkdir(join(root, 'failing'));
    for (const name of ['1', '2', '3', '4']) await put(`failing/${name}.csv`, `other\n${name}\n`);
    await create('failing', { max_failures: 3 });
    const paused = await until('failing', ({ state }) => state === 'PAUSED');
    expect(paused.error).toMatchObject({ code: 'FEED_TOO_MANY_FAILURES' });
    await ask('POST', '/feeds/failing/resume');
    await until('failing', ({ files }) => files.failed === 4);
    const [file] = await filesOf('failing');
    expect(file).toMatchObject({ state: 'FAILED', attempt: 1, error: { code: 'HEADER_MISMATCH' } });
    expect(await (await ask('POST', '/feeds/failing/retry', { files: [file?.file_id] })).json()).toEqual({
      retried: 1,
    });
    await until('failing', ({ files }) => files.failed === 4);
    const [again] = await filesOf('failing');
    expect(again).toMatchObject({ state: 'FAILED', attempt: 2 });
    expect(again?.job_id).not.toBe(file?.job_id);
  });

  it('takes a file that has changed again, or never', async () => {
    for (const again of ['changed', 'never']) {
      await mkdir(join(root, again));
      await put(`${again}/a.csv`, orders.csv);
      await create(again, { again });
    }
    for (const again of ['changed', 'never']) await until(again, ({ files }) => files.completed === 1);
    for (const again of ['changed', 'never']) await put(`${again}/a.csv`, `${orders.csv.toString()}\n`);
    for (const again of ['changed', 'never']) await put(`${again}/b.csv`, orders.csv);
    await until('changed', ({ files }) => files.completed === 3);
    await until('never', ({ files }) => files.completed === 2);
    expect((await filesOf('never')).map(({ uri }) => uri.split('/').at(-1))).toEqual(['b.csv', 'a.csv']);
  });

  it('moves or deletes what was delivered, and nothing else', async () => {
    const good = makeOrders(50);
    for (const id of ['moving', 'deleting', 'moved']) await mkdir(join(root, id));
    await mkdir(join(root, 'moving', 'sub'));
    for (const name of ['moving/a.csv', 'moving/sub/b.csv', 'deleting/a.csv']) await put(name, good.csv);
    await put('deleting/partial.csv', orders.csv);
    await create('moving', { after: 'move', move_to: `file://${root}/moved/` });
    await create('deleting', { after: 'delete' });
    const settled = async (id: string): Promise<FeedFile[]> => {
      for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
        const files = await filesOf(id);
        if (files.length === 2 && files.every(({ state, after }) => state === 'COMPLETED' && after !== 'PENDING'))
          return files;
        expect(Date.now()).toBeLessThan(deadline);
      }
    };
    expect((await settled('moving')).map(({ after }) => after)).toEqual(['MOVED', 'MOVED']);
    expect((await settled('deleting')).map(({ after }) => after)).toEqual([null, 'DELETED']);
    expect(await readFile(join(root, 'moved', 'sub', 'b.csv'))).toEqual(good.csv);
    expect(await readdir(join(root, 'moving'))).toEqual(['sub']);
    expect(await readdir(join(root, 'deleting'))).toEqual(['partial.csv']);
    const inside = { source: { uri: `file://${root}/moving/` }, after: 'move', move_to: `file://${root}/moving/done/` };
    expect((await ask('POST', '/feeds', { id: 'x', model_id: 'orders', ...inside })).status).toBe(400);
  });

  it('takes a file as soon as it comes, long before the next listing', async () => {
    await create('watched', { every: 86_400 });
    await until('watched', ({ looked_at }) => looked_at !== null);
    await put('watched/a.csv', orders.csv);
    await until('watched', ({ files }) => files.completed === 1);
    await put('watched/b.csv', orders.csv);
    await until('watched', ({ files }) => files.completed === 2);
  });

  it('looks at once when it is told of a file, by somebody who knows its secret', async () => {
    const secret = 'a-secret-of-this-feed';
    await create('told', { every: 3_600, secret });
    await until('told', ({ looked_at }) => looked_at !== null);
    await put('told/a.csv', orders.csv);
    const tell = async (authorization: string, body: unknown): Promise<number> => {
      const headers = { 'content-type': 'application/cloudevents+json', authorization };
      return (
        await fetch(`${api.url}/feeds/told/notifications`, { method: 'POST', headers, body: JSON.stringify(body) })
      ).status;
    };
    const event = { specversion: '1.0', type: 'file.created', data: { uri: `file://${root}/told/a.csv` } };
    expect(await tell('Bearer something-else', event)).toBe(401);
    expect(await tell(`Bearer ${secret}`, { type: 'file.created' })).toBe(400);
    expect(await tell(`Bearer ${secret}`, event)).toBe(202);
    await until('told', ({ files }) => files.completed === 1);
    expect(JSON.stringify(await (await ask('GET', '/feeds/told')).json())).not.toContain(secret);
    expect(suite.service.log()).not.toContain(secret);
  });

  it('remembers what it has taken when it is deleted and created again', async () => {
    await create('again-and-again');
    await put('again-and-again/a.csv', orders.csv);
    await until('again-and-again', ({ files }) => files.completed === 1);
    expect((await ask('DELETE', '/feeds/again-and-again')).status).toBe(204);
    expect((await ask('GET', '/feeds/again-and-again')).status).toBe(404);
    await create('again-and-again');
    await put('again-and-again/b.csv', orders.csv);
    await until('again-and-again', ({ files }) => files.completed === 2);
    expect(await filesOf('again-and-again')).toHaveLength(2);
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
