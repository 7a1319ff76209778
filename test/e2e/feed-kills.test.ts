import { mkdir, mkdtemp, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Feed } from '../../src/feeds/domain/feed.js';
import type { FeedFile } from '../../src/feeds/domain/feed-file.js';
import type { JobSummary } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { type Service, startProcess } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const FILES = Number(process.env['FEED_FILES'] ?? 60);
const KILLS = Number(process.env['FEED_KILLS'] ?? 6);
const PATIENCE_MS = 60_000 + FILES * 500;

/** Where the database is, and how many services share it. */
const SETTINGS = [
  ['one service, its database in SQLite', 1, false],
  ['two services on one PostgreSQL', 2, true],
] as const;

describe.each(SETTINGS)('a feed of %s that are killed again and again', (_, count, isPostgres) => {
  let postgres: PostgresServer | undefined;
  let folder: string;
  let env: Record<string, string>;
  const services: Service[] = [];

  const start = (place: number): Promise<Service> =>
    startProcess({ brokers, dataDir: join(folder, `service-${place}`), env: { ...env, ROLE: 'all' } });

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'batch-feed-kills-')));
    await mkdir(join(folder, 'in'));
    if (isPostgres) postgres = await startPostgres();
    env = {
      SOURCES: `file:${folder}/in`,
      KAFKA_TOPIC_PREFIX: `batch_feeds_${count}_${process.pid}`,
      MAX_JOB_TOPICS: '1000000',
      ...(postgres === undefined ? {} : { DATABASE_URL: await postgres.createDatabase() }),
    };
    for (let place = 0; place < count; place++) services.push(await start(place));
  }, 300_000);
  afterAll(async () => {
    for (const service of services) await service.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function pages<T>(path: string): Promise<T[]> {
    const all: T[] = [];
    const { url = '' } = services[0] ?? {};
    for (let next: string | undefined = `${path}?limit=1000`; next !== undefined; ) {
      const response: Response = await fetch(`${url}${next}`);
      all.push(...((await response.json()) as T[]));
      next = /<([^>]+)>/.exec(response.headers.get('link') ?? '')?.[1];
    }
    return all;
  }

  it(
    `takes each of ${FILES} files exactly once`,
    async () => {
      const { csv } = makeOrders(100);
      const put = async (name: string): Promise<void> => {
        const made = join(folder, 'in', `${name}.part`);
        await writeFile(made, csv);
        await utimes(made, new Date(), new Date(Date.now() - 5_000));
        await rename(made, join(folder, 'in', name));
      };
      for (let at = 0; at < FILES; at++) await put(`${at}.csv`);
      await new Api(services[0]?.url ?? '').createModel('orders', ORDERS_SCHEMA);
      const body = { id: 'in', source: { uri: `file://${folder}/in/*.csv` }, model_id: 'orders', every: 1 };
      const headers = { 'content-type': 'application/json' };
      const created = await fetch(`${services[0]?.url}/feeds`, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(created.status).toBe(201);
      const began = performance.now();
      const look = async (): Promise<Feed> => {
        const response = await fetch(`${services[0]?.url}/feeds/in`);
        return (await response.json()) as Feed;
      };
      for (let kill = 0; kill < KILLS; kill++) {
        await sleep(Math.random() * 1_500);
        const place = Math.floor(Math.random() * count);
        await services[place]?.kill('SIGKILL');
        services[place] = await start(place);
      }
      for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(250)) {
        const feed = await look();
        if (feed.files.completed === FILES) break;
        if (Date.now() > deadline)
          throw new Error(`gave up on ${JSON.stringify(feed)} ${services[0]?.log().slice(-3000)}`);
      }
      const seconds = (performance.now() - began) / 1_000;
      process.stderr.write(`${_}: ${FILES} files in ${seconds.toFixed(1)} s with ${KILLS} kills\n`);
      const files = await pages<FeedFile>('/feeds/in/files');
      const jobs = await pages<JobSummary>('/jobs');
      expect(files).toHaveLength(FILES);
      expect(jobs).toHaveLength(FILES);
      expect(new Set(jobs.map(({ source }) => source?.uri)).size).toBe(FILES);
      expect(new Set(jobs.map(({ job_id }) => job_id))).toEqual(new Set(files.map(({ job_id }) => job_id)));
      expect(new Set(jobs.map(({ state, totals }) => `${state} ${totals.ok}`))).toEqual(new Set(['SUCCESS 100']));
    },
    PATIENCE_MS + 60_000,
  );
});
