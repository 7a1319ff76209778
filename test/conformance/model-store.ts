import { type ModelRecord, ModelStore, type NewModelVersion } from '../../src/models/model-store.js';
import type { StoreFixture } from '../jobs/support/store-fixture.js';

function aModel(name: string, type = 'Int32'): NewModelVersion {
  const columns = [{ name: 'id', type, nullable: false, constraints: { minimum: 1 } }];
  return { name, schema: { id: type }, compiled: { columns, additionalColumns: false } };
}

/** What the store of models does, whatever database it is in. */
export function describesModelStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the model store in ${name}`, () => {
    let fixture: StoreFixture;
    let models: ModelStore;
    let now: number;

    beforeEach(async () => {
      fixture = await open();
      now = Date.parse('2026-01-01T00:00:00.000Z');
      models = new ModelStore(fixture.db, () => now);
      await models.delete('orders');
    });
    afterEach(() => fixture.close());

    it('gives back what was created', async () => {
      const created = await models.create('trips', aModel('Trips'));
      expect(created).toEqual({
        id: 'trips',
        name: 'Trips',
        version: 1,
        schema: { id: 'Int32' },
        columns: [{ name: 'id', type: 'Int32', nullable: false, constraints: { minimum: 1 } }],
        additionalColumns: false,
        sinks: null,
        createdAt: '2026-01-01T00:00:00.000Z',
        updatedAt: '2026-01-01T00:00:00.000Z',
      } satisfies ModelRecord);
      expect(await models.get('trips')).toEqual(created);
      expect(await models.getVersion('trips', 1)).toEqual(created);
    });

    it('knows no model and no version that never was', async () => {
      await models.create('trips', aModel('Trips'));
      expect(await models.get('Trips')).toBeUndefined();
      expect(await models.getVersion('trips', 2)).toBeUndefined();
      expect(await models.update('Trips', aModel('x'))).toBeUndefined();
      expect(await models.delete('Trips')).toBe(false);
    });

    it('refuses an id that is taken, also when two come at once', async () => {
      const names = ['A', 'B'];
      const results = await Promise.allSettled(names.map((name) => models.create('trips', aModel(name))));
      const created = results.findIndex(({ status }) => status === 'fulfilled');
      expect(results[1 - created]).toMatchObject({ status: 'rejected', reason: { code: 'MODEL_ALREADY_EXISTS' } });
      expect((await models.get('trips'))?.name).toBe(names[created]);
    });

    it('makes the next version of an update and keeps the old one', async () => {
      await models.create('trips', aModel('Trips'));
      now += 1000;
      const second = await models.update('trips', { ...aModel('ignored', 'Int64'), name: undefined });
      expect(second).toMatchObject({
        name: 'Trips',
        version: 2,
        schema: { id: 'Int64' },
        createdAt: '2026-01-01T00:00:00.000Z',
        updatedAt: '2026-01-01T00:00:01.000Z',
      });
      expect(await models.update('trips', aModel('Renamed'))).toMatchObject({ name: 'Renamed', version: 3 });
      expect(await models.get('trips')).toMatchObject({ name: 'Renamed', version: 3 });
      expect(await models.getVersion('trips', 1)).toMatchObject({ name: 'Trips', schema: { id: 'Int32' } });
    });

    it('keeps the sinks of the last version unless an update gives others, or takes them back', async () => {
      await models.create('trips', { ...aModel('Trips'), sinks: ['clickhouse'] });
      expect(await models.update('trips', aModel('x'))).toMatchObject({ sinks: ['clickhouse'] });
      expect(await models.update('trips', { ...aModel('x'), sinks: [] })).toMatchObject({ sinks: [] });
      expect(await models.update('trips', { ...aModel('x'), sinks: null })).toMatchObject({ sinks: null });
      const { items } = await models.versions('trips', { limit: 9 });
      expect(items.map(({ sinks }) => sinks)).toEqual([null, [], ['clickhouse'], ['clickhouse']]);
    });

    it('creates a model once, however many ask at once', async () => {
      const created = await Promise.allSettled(Array.from({ length: 4 }, () => models.create('trips', aModel('x'))));
      expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of created) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'MODEL_ALREADY_EXISTS' });
      }
    });

    it('gives each of several updates that come at once a number', async () => {
      await models.create('trips', aModel('Trips'));
      const updates = await Promise.all(Array.from({ length: 4 }, () => models.update('trips', aModel('x'))));
      expect(updates.map((update) => update?.version).sort()).toEqual([2, 3, 4, 5]);
    });

    it('hides a deleted model from its users, not from the jobs that pinned a version', async () => {
      await models.create('trips', aModel('Trips'));
      expect(await models.delete('trips')).toBe(true);
      expect(await models.delete('trips')).toBe(false);
      expect(await models.get('trips')).toBeUndefined();
      expect(await models.update('trips', aModel('x'))).toBeUndefined();
      expect((await models.list({ limit: 10 })).items).toEqual([]);
      expect(await models.getVersion('trips', 1)).toMatchObject({ name: 'Trips' });
    });

    it('lists the versions of a model, newest first, page by page', async () => {
      await models.create('trips', aModel('A'));
      for (const name of ['B', 'C']) await models.update('trips', aModel(name));
      const first = await models.versions('trips', { limit: 2 });
      expect(first.items.map(({ version }) => version)).toEqual([3, 2]);
      const second = await models.versions('trips', { limit: 2, cursor: first.nextCursor ?? '' });
      expect([second.items.map(({ version }) => version), second.nextCursor]).toEqual([[1], null]);
      expect((await models.versions('trips', { limit: 9, cursor: '999999999999999' })).items).toHaveLength(3);
    });

    it('lets a deleted id be used again without touching the old versions', async () => {
      await models.create('trips', aModel('Old'));
      await models.delete('trips');
      expect(await models.create('trips', aModel('New'))).toMatchObject({ name: 'New', version: 2 });
      expect(await models.getVersion('trips', 1)).toMatchObject({ name: 'Old' });
      expect(await models.get('trips')).toMatchObject({ name: 'New' });
    });

    it('lists newest first in pages that new models do not disturb', async () => {
      for (const id of ['a', 'b', 'c', 'd', 'e']) await models.create(id, aModel(id));
      await models.update('a', aModel('a2'));
      const first = await models.list({ limit: 2 });
      await models.create('f', aModel('f'));
      const second = await models.list({ limit: 2, cursor: first.nextCursor! });
      const third = await models.list({ limit: 2, cursor: second.nextCursor! });
      expect([...first.items, ...second.items, ...third.items].map((model) => model.name)).toEqual([
        'e',
        'd',
        'c',
        'b',
        'a2',
      ]);
      expect(third.nextCursor).toBeNull();
      await expect(models.list({ limit: 2, cursor: 'x' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    });
  });
}
