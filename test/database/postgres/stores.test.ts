import { sql } from 'kysely';
import { type Database, openPostgres } from '../../../src/database/index.js';
import { DEFAULT_OPTIONS, type SinkName } from '../../../src/ingest/index.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { LeaseStore } from '../../../src/jobs/store/lease-store.js';
import { SinkStore } from '../../../src/jobs/store/sink-store.js';
import { SpareStore } from '../../../src/jobs/store/spare-store.js';
import { describesApiKeyStore } from '../../conformance/api-key-store.js';
import { describesFeedStores } from '../../conformance/feed-stores.js';
import { describesJobStore } from '../../conformance/job-store.js';
import { describesLeaderStore } from '../../conformance/leader-store.js';
import { describesModelStore } from '../../conformance/model-store.js';
import { describesSinkStore } from '../../conformance/sink-store.js';
import { describesStatisticsStore } from '../../conformance/statistics-store.js';
import { describesUploadStore } from '../../conformance/upload-store.js';
import { ManualClock } from '../../jobs/support/manual-clock.js';
import { insertJob, openStore, type StoreFixture } from '../../jobs/support/store-fixture.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';

let server: PostgresServer;
/** With all tables, and nothing in them. */
let original: string;
const idleErrors: Error[] = [];
const fail = (error: Error): never => {
  throw error;
};

beforeAll(async () => {
  server = await startPostgres();
  original = await server.createDatabase();
  await (await openPostgres({ url: original, onIdleError: fail })).destroy();
}, 300_000);
afterAll(() => server.stop());

async function open(): Promise<StoreFixture> {
  const url = await server.createDatabase(original);
  return openStore(() => openPostgres({ url, onIdleError: (error) => idleErrors.push(error) }));
}

describesJobStore('PostgreSQL', open);
describesSinkStore('PostgreSQL', open);
describesUploadStore('PostgreSQL', open);
describesModelStore('PostgreSQL', open);
describesLeaderStore('PostgreSQL', open);
describesFeedStores('PostgreSQL', open);
describesApiKeyStore('PostgreSQL', open);
describesStatisticsStore('PostgreSQL', open);

describe('a database in PostgreSQL', () => {
  it('is migrated once, however many processes start together', async () => {
    const url = await server.createDatabase();
    const dbs = await Promise.all([1, 2, 3].map(() => openPostgres({ url, onIdleError: fail })));
    const ids = await Promise.all(dbs.map((db) => db.selectFrom('installation').select('id').execute()));
    expect(new Set(ids.map((rows) => rows.map(({ id }) => id).join())).size).toBe(1);
    expect(ids[0]).toHaveLength(1);
    for (const db of dbs) await db.destroy();
  });

  it('gives integers beyond 32 bits as numbers, and refuses those that a number does not hold', async () => {
    const { db, close } = await open();
    const read = async (value: string) =>
      (await sql<{ n: number }>`SELECT ${sql.raw(value)}::bigint AS n`.execute(db)).rows;
    expect(await read('9007199254740991')).toEqual([{ n: 9_007_199_254_740_991 }]);
    await expect(read('9007199254740992')).rejects.toThrow(/9007199254740992, which is not a safe integer/);
    await close();
  });

  it('stores text with a NUL, which PostgreSQL has none of, with another character in its place', async () => {
    const { db, close } = await open();
    const job = await insertJob(new JobStore(db, new ManualClock()), { filename: 'a\0b.csv' });
    expect(job.filename).toBe('a\u{fffd}b.csv');
    await close();
  });

  it('tells by its own clock how old the topics are that a process has made ahead', async () => {
    const { db, close } = await open();
    const [ours, others] = ['a', 'b'].map(
      (owner) => new SpareStore(db, { topicPrefix: 'batch', owner, isAlone: false }),
    ) as [SpareStore, SpareStore];
    const now = Date.now();
    await others.add('spare000', now - 2 * 3_600_000);
    expect(await ours.adoptOrphans(now + 2 * 3_600_000)).toEqual([]);
    const { created_at } = await db.selectFrom('spare_topics').select('created_at').executeTakeFirstOrThrow();
    expect(new Date(created_at).toISOString()).toBe(created_at);
    await db
      .updateTable('spare_topics')
      .set({ created_at: new Date(Date.parse(created_at) - 3_600_001).toISOString() })
      .execute();
    expect(await ours.adoptOrphans(now)).toEqual([{ jobId: 'spare000', topicPrefix: 'batch' }]);
    await close();
  });

  it('says that the server is away, and goes on when it is back', async () => {
    const { db, close } = await open();
    const read = () => db.selectFrom('models').select('id').execute();
    await server.kill();
    await expect(read()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.restart();
    expect(await read()).toEqual([{ id: 'orders' }]);
    await close();
  });

  it('takes up with new connections after those it had were cut', async () => {
    const { db, close } = await open();
    const read = () => db.selectFrom('models').select('id').execute();
    await Promise.all([read(), read(), read()]);
    idleErrors.length = 0;
    const cut = db.transaction().execute(async (transaction) => {
      await transaction.updateTable('models').set({ hidden: 1 }).execute();
      await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'batch_%'");
      await transaction.updateTable('models').set({ version: 2 }).execute();
    });
    await expect(cut).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    // Two were idle; that each has ended may be noticed a moment later.
    for (const deadline = Date.now() + 10_000; idleErrors.length < 2; ) {
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await db.selectFrom('models').select(['id', 'hidden', 'version']).execute()).toEqual([
      { id: 'orders', hidden: 0, version: 1 },
    ]);
    await close();
  });

  it('takes the locks from a transaction in which its process stands still', async () => {
    const { db, close } = await open();
    const hide = (by: Database) => by.updateTable('models').set({ hidden: 1 }).execute();
    const locked = Promise.withResolvers<void>();
    const thawed = Promise.withResolvers<void>();
    const still = db.transaction().execute(async (transaction) => {
      await hide(transaction);
      locked.resolve();
      await thawed.promise;
      await hide(transaction);
    });
    await locked.promise;
    await hide(db);
    thawed.resolve();
    await expect(still).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await close();
  });

  it('frees the other jobs whose leases have lapsed while one of them is locked', async () => {
    const { db, close } = await open();
    const clock = new ManualClock();
    const [store, leases] = [new JobStore(db, clock), new LeaseStore(db, clock)];
    const [locked, other] = [await insertJob(store), await insertJob(store)];
    for (const _ of [locked, other]) await store.claim('run', 'a process that is gone');
    await db.updateTable('jobs').set({ lease_until: 0 }).execute();
    await db.transaction().execute(async (transaction) => {
      await transaction.updateTable('jobs').set({ bytes_done: 1 }).where('job_id', '=', locked.jobId).execute();
      expect(await leases.releaseLapsed()).toEqual([other.jobId]);
    });
    expect(await leases.releaseLapsed()).toEqual([locked.jobId]);
    await close();
  });

  it('frees the other loads whose leases have lapsed while one of them is locked, and claims past it', async () => {
    const { db, close } = await open();
    const clock = new ManualClock();
    const [store, sinks] = [new JobStore(db, clock), new SinkStore(db, clock)];
    const options = { ...DEFAULT_OPTIONS, sinks: ['postgres'] as SinkName[] };
    const [locked, other] = [await insertJob(store, { options }), await insertJob(store, { options })];
    for (const { jobId } of [locked, other]) {
      await sinks.wake(jobId);
      await sinks.claim('postgres', 'a process that is gone');
    }
    await db.updateTable('sink_loads').set({ lease_until: 0 }).execute();
    await db.transaction().execute(async (transaction) => {
      await transaction.updateTable('sink_loads').set({ rows: 1 }).where('job_id', '=', locked.jobId).execute();
      expect(await sinks.releaseLapsed()).toBe(1);
      expect((await sinks.claim('postgres', 'me'))?.jobId).toBe(other.jobId);
    });
    expect(await sinks.releaseLapsed()).toBe(1);
    await close();
  });

  it('refuses a server that is not there', async () => {
    await expect(openPostgres({ url: 'postgres://batch@127.0.0.1:1/none', onIdleError: fail })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});
