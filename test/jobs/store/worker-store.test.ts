import { WorkerStore } from '../../../src/jobs/store/worker-store.js';
import { type AllowedSource, parseAllowedSource } from '../../../src/sources/index.js';
import { ManualClock } from '../support/manual-clock.js';
import { openStore, type StoreFixture } from '../support/store-fixture.js';

describe('the workers of a store', () => {
  let fixture: StoreFixture;
  beforeAll(async () => {
    fixture = await openStore();
  });
  afterAll(() => fixture.close());

  it('may read what those of them may that have said so within half a minute', async () => {
    const clock = new ManualClock();
    const workers = new WorkerStore(fixture.db, clock);
    const [one, two] = ['s3://bucket/in', 'file:/data'].flatMap((text): AllowedSource[] => {
      const prefix = parseAllowedSource(text);
      return prefix === null ? [] : [prefix];
    });
    if (one === undefined || two === undefined) throw new Error('no prefixes');
    expect(await workers.sources()).toEqual([]);
    await workers.present('a', [one]);
    await workers.present('b', [one]);
    clock.advance(20_000);
    await workers.present('b', [two]);
    expect((await workers.sources()).toSorted((x, y) => (x.scheme < y.scheme ? -1 : 1))).toEqual([two, one]);
    clock.advance(15_000);
    expect(await workers.sources()).toEqual([two]);
    await workers.present('c', []);
    const rows = await fixture.db.selectFrom('workers').select('owner').orderBy('owner').execute();
    expect(rows.map(({ owner }) => owner)).toEqual(['b', 'c']);
  });
});
