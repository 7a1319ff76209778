import { openPostgres } from '../../../src/database/index.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';

describe('the owner of a database in PostgreSQL', () => {
  let server: PostgresServer;
  let url: string;
  let lost: Error[];

  beforeAll(async () => {
    server = await startPostgres();
  }, 300_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.createDatabase();
    lost = [];
  });

  const open = () => openPostgres({ url, onIdleError: () => undefined, onLost: (error) => lost.push(error) });

  it('is alone, and leaves it to the next one at once', async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: /Another service uses/ });
    await first.destroy();
    const second = await open();
    await second.destroy();
    expect(lost).toEqual([]);
  });

  it('is the next one 15 s after one that was killed', async () => {
    const first = await open();
    // What a process that is gone does not do any more, and a clock that has gone on.
    await server.query("UPDATE leases SET owner = 'a dead process', expires_at = expires_at - 14000", url);
    const second = await open();
    expect(await server.query("SELECT count(*)::int AS count FROM leases WHERE owner = 'a dead process'", url)).toEqual(
      [{ count: 0 }],
    );
    await second.destroy();
    await first.destroy();
  });

  it('hears of it when another one has taken the database over', async () => {
    const first = await open();
    await server.query("UPDATE leases SET owner = 'another process'", url);
    for (const deadline = Date.now() + 20_000; lost.length === 0; ) {
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(lost[0]?.message).toMatch(/taken the database over/);
    await first.destroy();
    expect(await server.query('SELECT owner FROM leases', url)).toEqual([{ owner: 'another process' }]);
  });

  it('keeps it while the server is away for longer than a lease', async () => {
    const first = await open();
    await server.kill();
    await server.query('SELECT 1').catch(() => undefined);
    await server.restart();
    await server.query('UPDATE leases SET expires_at = 0', url);
    for (const deadline = Date.now() + 20_000; ; ) {
      const [lease] = await server.query('SELECT expires_at > 0 AS renewed FROM leases', url);
      if (lease?.['renewed'] === true) break;
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await first.destroy();
    expect(lost).toEqual([]);
  });
});
