import { mkdtempSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Feed } from '../../src/feeds/domain/feed.js';
import type { FeedFile } from '../../src/feeds/domain/feed-file.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { useService } from '../kit/use-service.js';

const PATIENCE_MS = 120_000;
const JOBS = 4;
const FILES = 10;

describe('a feed with more files than MAX_JOB_TOPICS has topics for', () => {
  const root = mkdtempSync(join(tmpdir(), 'batch-feed-limits-'));
  const env = { SOURCES: `file:${root}`, MAX_JOB_TOPICS: `${2 * JOBS}` };
  const { api } = useService({ models: { orders: ORDERS_SCHEMA }, env });

  afterAll(() => rm(root, { recursive: true, force: true }));

  async function until(what: (feed: Feed) => boolean): Promise<Feed> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
      const feed = (await (await fetch(`${api.url}/feeds/many`)).json()) as Feed;
      if (what(feed)) return feed;
      if (Date.now() > deadline) throw new Error(`gave up on ${JSON.stringify(feed)}`);
    }
  }

  async function filesOf(state: string): Promise<FeedFile[]> {
    return (await (await fetch(`${api.url}/feeds/many/files?limit=1000&state=${state}`)).json()) as FeedFile[];
  }

  it('says so, waits without failing a file, and goes on as jobs are purged', async () => {
    await mkdir(join(root, 'many'));
    const old = new Date(Date.now() - 60_000);
    for (let number = 0; number < FILES; number++) {
      const path = join(root, 'many', `${number}.csv`);
      await writeFile(path, makeOrders(10).csv);
      await utimes(path, old, old);
    }
    const body = { id: 'many', source: { uri: `file://${root}/many/` }, model_id: 'orders', every: 3_600 };
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${api.url}/feeds`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.status).toBe(201);
    const purged = new Set<string>();
    while (purged.size < FILES) {
      const left = Math.max(0, FILES - purged.size - JOBS);
      const feed = await until(
        ({ files, error }) =>
          files.completed >= Math.min(FILES, purged.size + JOBS) &&
          (left > 0 ? error?.code === 'TOPIC_LIMIT' : error === null),
      );
      expect([feed.state, feed.files.pending, feed.files.failed]).toEqual(['ACTIVE', left, 0]);
      for (const { job_id: id } of await filesOf('COMPLETED')) {
        if (id === null || purged.has(id)) continue;
        expect((await fetch(`${api.url}/jobs/${id}?purge=true`, { method: 'DELETE' })).ok).toBe(true);
        purged.add(id);
      }
    }
    const files = await filesOf('COMPLETED');
    expect(files.map(({ attempt }) => attempt)).toEqual(Array(FILES).fill(1));
  });
});
