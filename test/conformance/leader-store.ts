import type { Database } from '../../src/database/index.js';
import { systemClock } from '../../src/jobs/domain/clock.js';
import { LeaderStore } from '../../src/jobs/store/leader-store.js';
import type { StoreFixture } from '../jobs/support/store-fixture.js';

/** What the row of the leader does, whatever database it is in. */
export function describesLeaderStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the store of the leader in ${name}`, () => {
    let fixture: StoreFixture;
    let db: Database;
    let store: LeaderStore;

    beforeEach(async () => {
      fixture = await open();
      db = fixture.db;
      store = new LeaderStore(db, 'leader', systemClock);
    });
    afterEach(() => fixture.close());

    /** The leader has said nothing for longer than its lease. */
    async function lapse(): Promise<void> {
      await db.updateTable('leases').set({ expires_at: 1 }).where('name', '=', 'leader').execute();
    }

    it('has one leader, who may go on', async () => {
      expect([await store.acquire('a'), await store.acquire('b'), await store.acquire('a')]).toEqual([1, undefined, 1]);
    });

    it('has one leader of many who ask at once', async () => {
      const epochs = await Promise.all(Array.from({ length: 8 }, (_, at) => store.acquire(`${at}`)));
      expect(epochs.filter((epoch) => epoch !== undefined)).toEqual([1]);
    });

    it('replaces a leader that is silent, who sees that when it comes back, even if its successor is gone by then', async () => {
      expect(await store.acquire('a')).toBe(1);
      await lapse();
      expect([await store.acquire('b'), await store.acquire('a')]).toEqual([2, undefined]);
      await store.release('b');
      expect(await store.acquire('a')).toBe(3);
    });

    it('lets a leader go on that was silent, if nobody has replaced it', async () => {
      expect(await store.acquire('a')).toBe(1);
      await lapse();
      expect([await store.acquire('a'), await store.acquire('b')]).toEqual([1, undefined]);
    });

    it('is not released by somebody else', async () => {
      expect(await store.acquire('a')).toBe(1);
      await store.release('b');
      expect(await store.acquire('b')).toBeUndefined();
    });

    it('tells leaders of different things apart', async () => {
      expect(await store.acquire('a')).toBe(1);
      expect(await new LeaderStore(db, 'another', systemClock).acquire('b')).toBe(1);
    });
  });
}
