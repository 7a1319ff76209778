import { newApiKey } from '../../src/auth/api-key.js';
import { type ApiKeySettings, ApiKeyStore } from '../../src/auth/api-key-store.js';
import type { StoreFixture } from '../jobs/support/store-fixture.js';

const SETTINGS: ApiKeySettings = {
  name: 'loader',
  scope: 'write',
  models: ['orders'],
  expiresAt: null,
  createdBy: null,
};
const DAY_MS = 86_400_000;

/** What the store of API keys does, whatever database it is in. */
export function describesApiKeyStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the store of API keys in ${name}`, () => {
    let fixture: StoreFixture;
    let keys: ApiKeyStore;
    let now: number;

    beforeEach(async () => {
      fixture = await open();
      now = Date.parse('2026-01-01T00:00:00.000Z');
      keys = new ApiKeyStore(fixture.db, () => now);
    });
    afterEach(() => fixture.close());

    const at = (afterMs: number): string => new Date(now + afterMs).toISOString();

    it('gives back what was created, and has nothing that the key could be made from', async () => {
      expect(await keys.hasAny()).toBe(false);
      const { id, key, hash } = newApiKey();
      const created = await keys.create({ id, hash }, { ...SETTINGS, createdBy: 'admin', expiresAt: at(1) });
      expect(created).toEqual({
        ...{ id, hash, name: 'loader', scope: 'write', models: ['orders'], createdBy: 'admin' },
        ...{ createdAt: at(0), expiresAt: at(1), revokedAt: null },
      });
      expect(await keys.findUsable(id)).toEqual(created);
      expect(await keys.hasAny()).toBe(true);
      const rows = await fixture.db.selectFrom('api_keys').selectAll().execute();
      expect(JSON.stringify(rows)).not.toContain(key.slice(`batch_${id}_`.length));
    });

    it('finds no key that there is not, that was revoked, or whose time has come', async () => {
      const [one, two] = [newApiKey(), newApiKey()];
      await keys.create(one, SETTINGS);
      await keys.create(two, { ...SETTINGS, models: null, expiresAt: at(1000) });
      expect(await keys.findUsable('none')).toBeUndefined();
      expect(await keys.findUsable(two.id)).toMatchObject({ models: null });
      now += 1000;
      expect(await keys.findUsable(two.id)).toBeUndefined();
      expect(await keys.revoke(one.id)).toMatchObject({ id: one.id, revokedAt: at(0) });
      expect(await keys.findUsable(one.id)).toBeUndefined();
      expect(await keys.revoke('none')).toBeUndefined();
      const revokedAt = at(0);
      now += 1000;
      expect(await keys.revoke(one.id)).toMatchObject({ revokedAt });
    });

    it('lists keys newest first, page by page, and forgets those that are long of no use', async () => {
      const made = Array.from({ length: 3 }, newApiKey);
      for (const key of made) await keys.create(key, SETTINGS);
      const [oldest, middle, newest] = made.map(({ id }) => id);
      const first = await keys.list({ limit: 2 });
      expect(first.items.map(({ id }) => id)).toEqual([newest, middle]);
      const second = await keys.list({ limit: 2, cursor: first.nextCursor ?? '' });
      expect([second.items.map(({ id }) => id), second.nextCursor]).toEqual([[oldest], null]);
      await expect(keys.list({ limit: 2, cursor: 'x' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      await keys.revoke(oldest ?? '');
      now += 90 * DAY_MS;
      const last = newApiKey();
      await keys.create(last, SETTINGS);
      expect((await keys.list({ limit: 9 })).items).toHaveLength(4);
      now += 1;
      await keys.create(newApiKey(), SETTINGS);
      const left = (await keys.list({ limit: 9 })).items.map(({ id }) => id);
      expect(left).toEqual([expect.any(String), last.id, newest, middle]);
    });
  });
}
