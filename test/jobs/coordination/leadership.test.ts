import { pino } from 'pino';
import { Leadership } from '../../../src/jobs/coordination/leadership.js';
import { LeaderStore } from '../../../src/jobs/store/leader-store.js';
import { describesLeaderStore } from '../../conformance/leader-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { openStore, type StoreFixture } from '../support/store-fixture.js';

describesLeaderStore('SQLite', openStore);

describe('the leadership of a process', () => {
  let fixture: StoreFixture;
  let clock: ManualClock;
  let store: LeaderStore;
  let isStoreAway: boolean;
  /** Whose next statement gets no answer. */
  let hanging: string | null;
  const started: Leadership[] = [];

  beforeEach(async () => {
    fixture = await openStore();
    clock = new ManualClock();
    store = new LeaderStore(fixture.db, 'leader', clock);
    isStoreAway = false;
    hanging = null;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((leadership) => leadership.stop()));
    await fixture.close();
  });

  async function start(owner: string): Promise<Leadership> {
    const leadership = new Leadership({
      store: {
        acquire: (who) => {
          if (hanging === who) {
            hanging = null;
            return new Promise(() => undefined);
          }
          return isStoreAway ? Promise.reject(new Error('away')) : store.acquire(who);
        },
        release: (who) => store.release(who),
      },
      owner,
      clock,
      log: pino({ level: 'silent' }),
    });
    started.push(leadership);
    leadership.start();
    await pass(0);
    return leadership;
  }

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left >= 0; left -= 1_000) {
      clock.advance(Math.min(left, 1_000));
      for (let statement = 0; statement < 3; statement++) await store.release('nobody');
    }
  }

  it('is that of one, until it stops', async () => {
    const [first, second] = [await start('a'), await start('b')];
    expect([first.epoch, second.epoch]).toEqual([1, null]);
    await pass(60_000);
    expect([first.epoch, second.epoch]).toEqual([1, null]);
    await first.stop();
    await pass(6_000);
    expect([first.epoch, second.epoch]).toEqual([null, 2]);
  });

  it('is confirmed by the row, not by what the process remembers', async () => {
    const first = await start('a');
    expect(await first.confirm()).toBe(1);
    await fixture.db.updateTable('leases').set({ expires_at: 1 }).execute();
    await store.acquire('b');
    expect([first.epoch, await first.confirm(), first.epoch]).toEqual([1, null, null]);
    isStoreAway = true;
    await expect(first.confirm()).rejects.toThrow('away');
  });

  it('goes on though one of its statements hangs', async () => {
    const [first, second] = [await start('a'), await start('b')];
    await pass(30_000);
    hanging = 'a';
    await pass(30_000);
    expect([hanging, first.epoch, second.epoch]).toEqual([null, 1, null]);
  });

  it('ends when the store is away for longer than its lease', async () => {
    const leadership = await start('a');
    isStoreAway = true;
    await pass(9_000);
    expect(leadership.epoch).toBe(1);
    await pass(9_000);
    expect(leadership.epoch).toBeNull();
    isStoreAway = false;
    await pass(6_000);
    expect(leadership.epoch).toBe(1); // nobody came in between
  });
});
