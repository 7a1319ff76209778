import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { SinkStore } from '../../../src/jobs/store/sink-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { QueryPlans } from '../support/query-plans.js';
import { insertJob, openStore, type StoreFixture } from '../support/store-fixture.js';

describe('the queries of the store of loads', () => {
  let fixture: StoreFixture;
  let plans: QueryPlans;
  let sinks: SinkStore;

  beforeEach(async () => {
    fixture = await openStore();
    plans = new QueryPlans(fixture.db);
    sinks = new SinkStore(plans.db, new ManualClock());
  });
  afterEach(() => fixture.close());

  it('visit no load and no job but those that they are about', async () => {
    const jobs = new JobStore(fixture.db, new ManualClock());
    const { jobId } = await insertJob(jobs, { options: { ...DEFAULT_OPTIONS, sinks: ['clickhouse', 'postgres'] } });
    const key = { jobId, name: 'postgres' } as const;
    const lease = { ...key, lease: 1, leaseToken: 'token' };
    const asked: [string, () => Promise<unknown>][] = [
      ['get', () => sinks.get(key)],
      ['claim', () => sinks.claim('postgres', 'me')],
      ['holds', () => sinks.holds(lease)],
      ['renew', () => sinks.renew([lease], 'me')],
      ['releaseLapsed', () => sinks.releaseLapsed()],
      ['releaseLapsed of all', () => sinks.releaseLapsed(true)],
      ['release', () => sinks.release(lease)],
      ['wake', () => sinks.wake(jobId)],
      ['wakeMissed', () => sinks.wakeMissed()],
      ['change', () => sinks.change(key, { lease }, { rows: 1 }, [{ offset: 1, rowNumber: 1, value: '{}' }])],
      ['add', () => sinks.add(jobId, ['postgres'], 'success')],
      ['expiring', () => sinks.expiring(0, 0, 10)],
      ['unannounced', () => sinks.unannounced(0, 10)],
      ['kept', () => sinks.kept(10)],
      ['markTopicsKept', () => sinks.markTopicsKept(jobId, true)],
      ['counts', () => sinks.counts()],
      ['newestError', () => sinks.newestError('postgres')],
      ['rejects', () => sinks.rejects(jobId, null, 10)],
      ['rejects from a place on', () => sinks.rejects(jobId, { name: 'postgres', offset: 1 }, 10)],
    ];
    // Loads that have ended are in none of these indexes.
    const scan = /^SCAN (?!next$|sink_loads USING (COVERING )?INDEX sink_loads_(waiting|states|keeping|leased)$)/;
    for (const [name, ask] of asked) {
      expect([name, (await plans.of(ask)).filter((line) => scan.test(line))]).toEqual([name, []]);
    }
  });

  it('find the next load, the newest error and rejected rows in the order of an index', async () => {
    expect(await plans.of(() => sinks.claim('postgres', 'me'))).toContain(
      'SEARCH sink_loads USING INDEX sink_loads_due (name=? AND run_after<?)',
    );
    const [failing] = await plans.of(() => sinks.newestError('postgres'));
    expect(failing).toBe('SEARCH sink_loads USING INDEX sink_loads_states (name=? AND state=?)');
    const listed = await plans.of(() => sinks.rejects('a1b2c3d4', { name: 'postgres', offset: 1 }, 10));
    expect(listed).toEqual([expect.stringMatching(/^SEARCH sink_rejects /)]);
  });
});
