import { sql } from 'kysely';
import { pino } from 'pino';
import { listenPostgres, notifyPostgres, openPostgres } from '../../../src/database/index.js';
import { PostgresNotifier } from '../../../src/jobs/queue/postgres/postgres-notifier.js';
import { describesJobStore } from '../../conformance/job-store.js';
import { describesLeaderStore } from '../../conformance/leader-store.js';
import { openStore, type StoreFixture } from '../../jobs/support/store-fixture.js';
import { hasPgbouncer, type Pgbouncer, startPgbouncer } from '../../kit/pgbouncer.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';

(hasPgbouncer ? describe : describe.skip)('through a PgBouncer in transaction mode', () => {
  let server: PostgresServer;
  let pooler: Pgbouncer;
  /** With all tables, and nothing in them. */
  let original: string;
  const fail = (error: Error): never => {
    throw error;
  };

  beforeAll(async () => {
    server = await startPostgres();
    pooler = await startPgbouncer(server);
    original = await server.createDatabase();
    await (await openPostgres({ url: original, onIdleError: fail })).destroy();
  }, 300_000);
  afterAll(async () => {
    await pooler?.stop();
    await server?.stop();
  });

  async function open(): Promise<StoreFixture> {
    const url = pooler.through(await server.createDatabase(original));
    return openStore(() => openPostgres({ url, onIdleError: fail }));
  }

  describesJobStore('PgBouncer', open);
  describesLeaderStore('PgBouncer', open);

  it('is migrated once, however many processes start together', async () => {
    const url = pooler.through(await server.createDatabase());
    const dbs = await Promise.all([1, 2, 3, 4, 5, 6].map(() => openPostgres({ url, onIdleError: fail })));
    const ids = await Promise.all(dbs.map((db) => db.selectFrom('installation').select('id').execute()));
    expect(new Set(ids.map((rows) => rows.map(({ id }) => id).join())).size).toBe(1);
    for (const db of dbs) await db.destroy();
  });

  it('has more transactions at a time than the server has connections', async () => {
    const { db, close } = await open();
    const slow = () =>
      db.transaction().execute((t) => sql<{ pid: number }>`SELECT pg_backend_pid() AS pid, pg_sleep(0.1)`.execute(t));
    const pids = (await Promise.all(Array.from({ length: 10 }, slow))).map(({ rows }) => rows[0]?.pid);
    expect(new Set(pids).size).toBeLessThanOrEqual(3);
    await close();
  });

  it('hears of jobs only past it, and says so otherwise', async () => {
    const direct = await server.createDatabase();
    const db = await openPostgres({ url: pooler.through(direct), onIdleError: fail });
    const notifierBy = (url: string): PostgresNotifier =>
      new PostgresNotifier({
        listen: (onPayload) => listenPostgres(url, 'batch_jobs', onPayload),
        send: (payloads) => notifyPostgres(db, 'batch_jobs', payloads),
        log: pino({ level: 'silent' }),
      });
    const [deaf, hearing, sender] = [notifierBy(pooler.through(direct)), notifierBy(direct), notifierBy(direct)];
    const heard: string[] = [];
    deaf.onWake(() => undefined);
    hearing.onWake((jobId) => heard.push(jobId));
    for (const deadline = Date.now() + 60_000; deaf.trouble() === null || !heard.includes('job00000'); ) {
      expect(Date.now()).toBeLessThan(deadline);
      sender.notify('job00000');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(deaf.trouble()).toContain('DATABASE_DIRECT_URL');
    expect(hearing.trouble()).toBeNull();
    for (const each of [deaf, hearing, sender]) await each.close();
    await db.destroy();
  });
});
