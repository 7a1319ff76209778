import { isPostgres } from '../../src/database/index.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { StatisticsStore } from '../../src/jobs/store/statistics-store.js';
import { ManualClock } from '../jobs/support/manual-clock.js';
import { insertJob, type StoreFixture } from '../jobs/support/store-fixture.js';

/** What counts all jobs does, whatever database they are in. */
export function describesStatisticsStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`statistics in ${name}`, () => {
    let fixture: StoreFixture;
    let clock: ManualClock;
    let store: JobStore;
    let statistics: StatisticsStore;

    beforeEach(async () => {
      fixture = await open();
      clock = new ManualClock();
      store = new JobStore(fixture.db, clock);
      statistics = new StatisticsStore(fixture.db, clock);
    });
    afterEach(() => fixture.close());

    const set = (jobId: string, values: object) =>
      fixture.db.updateTable('jobs').set(values).where('job_id', '=', jobId).execute();

    /** By the store's clock, which may be another than the test's. */
    const ago = (ms: number): string => {
      const now = isPostgres(fixture.db) ? Date.now() : clock.steady();
      return new Date(now - ms).toISOString();
    };

    async function ended(rows: number, errors: number, agoMs: number): Promise<void> {
      const { jobId } = await insertJob(store);
      const checkpoint = JSON.stringify({ position: { row: rows, line: 1, byte: 1 }, ok: rows - errors, errors });
      await set(jobId, { state: 'PARTIAL_SUCCESS', checkpoint, finished_at: ago(agoMs) });
    }

    it('are zeros while there is no job', async () => {
      expect(await statistics.read(1_000)).toEqual({
        jobs: [],
        queue: { jobs: 0, oldestSeconds: 0 },
        stalled: { jobs: 0, some: [] },
        topics: 0,
        removals: 0,
        unpublished: { jobs: 0, oldestSeconds: 0 },
        loads: [],
        files: { count: 0, bytes: 0 },
      });
      expect(await statistics.rejectShares({ rows: 100, ms: 1_000 }, 1_000)).toEqual([]);
    });

    it('count jobs by state, those that wait for a worker, and those that do not advance', async () => {
      const first = await insertJob(store);
      await insertJob(store);
      const stalled = await insertJob(store);
      const busy = await insertJob(store);
      await set(stalled.jobId, { state: 'RUNNING', updated_at: ago(10_000), lease_owner: 'x' });
      await set(busy.jobId, { state: 'RUNNING', updated_at: ago(0), lease_owner: 'x' });
      const { run_after } = await fixture.db
        .selectFrom('jobs')
        .select('run_after')
        .where('job_id', '=', first.jobId)
        .executeTakeFirstOrThrow();
      await set(first.jobId, { run_after: Number(run_after) - 60_000 });
      const read = await statistics.read(5_000);
      expect(read.jobs.toSorted((a, b) => (a.state < b.state ? -1 : 1))).toEqual([
        { state: 'PENDING', count: 2 },
        { state: 'RUNNING', count: 2 },
      ]);
      expect(read.queue.jobs).toBe(2);
      expect(read.queue.oldestSeconds).toBeGreaterThanOrEqual(60);
      expect(read.queue.oldestSeconds).toBeLessThan(120);
      expect(read.stalled).toEqual({ jobs: 1, some: [stalled.jobId] });
      expect(read.topics).toBe(8);
      expect(read.unpublished.jobs).toBe(4);
      expect(read.files).toEqual({ count: 4, bytes: 4 * first.sizeBytes });
    });

    it('count what is to be removed, and not among the jobs', async () => {
      const { jobId } = await insertJob(store);
      await insertJob(store);
      await set(jobId, { phase: 'PURGING' });
      const { removals, jobs } = await statistics.read(5_000);
      expect({ removals, jobs }).toEqual({ removals: 1, jobs: [{ state: 'PENDING', count: 1 }] });
    });

    it('leave out a job that waits for its time', async () => {
      const { jobId } = await insertJob(store);
      await set(jobId, { run_after: Date.now() * 10 });
      expect((await statistics.read(5_000)).queue).toEqual({ jobs: 0, oldestSeconds: 0 });
    });

    it('have the share of rejected rows of a model in its last rows, and before', async () => {
      await ended(50, 40, 1_000);
      await ended(60, 30, 2_000); // some of its rows are among the last 100
      await ended(1_000, 1, 3_000);
      await ended(1_000, 1_000, 20_000); // long ago
      expect(await statistics.rejectShares({ rows: 100, ms: 10_000 }, 10_000)).toEqual([
        { modelId: 'orders', rows: 110, rejected: 70, earlierRows: 1_000, earlierRejected: 1 },
      ]);
    });

    it('count of the last rows only those of the last time', async () => {
      await ended(10, 9, 1_000);
      await ended(20, 1, 5_000);
      expect(await statistics.rejectShares({ rows: 100, ms: 3_000 }, 10_000)).toEqual([
        { modelId: 'orders', rows: 10, rejected: 9, earlierRows: 20, earlierRejected: 1 },
      ]);
    });
  });
}
