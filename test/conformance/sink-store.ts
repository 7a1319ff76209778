import { type Database, isPostgres } from '../../src/database/index.js';
import { DEFAULT_OPTIONS, type SinkName, type SinkWhen } from '../../src/ingest/index.js';
import type { StoredJob } from '../../src/jobs/domain/stored-job.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { RemovalStore } from '../../src/jobs/store/removal-store.js';
import { SINK_LEASE_MS, type SinkKey, type SinkLoad, SinkStore } from '../../src/jobs/store/sink-store.js';
import { ManualClock } from '../jobs/support/manual-clock.js';
import { aJob, insertJob, type StoreFixture } from '../jobs/support/store-fixture.js';

const BOTH: readonly SinkName[] = ['clickhouse', 'postgres'];
const reject = (offset: number) => ({ offset, rowNumber: offset + 1, value: `{"row_number":${offset + 1}}` });

/** What the store of loads does, whatever database it is in. */
export function describesSinkStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the store of loads in ${name}`, () => {
    let fixture: StoreFixture;
    let db: Database;
    let clock: ManualClock;
    let jobs: JobStore;
    let sinks: SinkStore;

    beforeEach(async () => {
      fixture = await open();
      db = fixture.db;
      clock = new ManualClock();
      jobs = new JobStore(db, clock);
      sinks = new SinkStore(db, clock);
    });
    afterEach(() => fixture.close());

    /** Time passes for the store. The clock of a PostgreSQL cannot be moved, so the times in its rows are. */
    async function pass(ms: number): Promise<void> {
      clock.advance(ms);
      if (!isPostgres(db)) return;
      for (const column of ['run_after', 'lease_until'] as const) {
        await db
          .updateTable('sink_loads')
          .set((eb) => ({ [column]: eb(column, '-', ms) }))
          .execute();
      }
    }

    async function insert(
      names: readonly SinkName[] = ['postgres'],
      sinkWhen: SinkWhen = 'success',
    ): Promise<StoredJob> {
      return insertJob(jobs, { options: { ...DEFAULT_OPTIONS, sinks: [...names], sinkWhen } });
    }

    /** A job with one load, which is due. */
    async function due(sink: SinkName = 'postgres'): Promise<SinkKey> {
      const { jobId } = await insert([sink]);
      expect(await sinks.wake(jobId)).toBe(1);
      return { jobId, name: sink };
    }

    async function claimed(): Promise<SinkLoad> {
      const { jobId } = await due();
      const load = await sinks.claim('postgres', 'me');
      expect(load?.jobId).toBe(jobId);
      return load!;
    }

    /** The job is as if it had gone so. */
    async function become(jobId: string, state: string, errorCode: string | null = null): Promise<void> {
      await db.updateTable('jobs').set({ state, error_code: errorCode }).where('job_id', '=', jobId).execute();
    }

    it('has the loads of a new job, which wait for it, and shows them with the job', async () => {
      const job = await insert(BOTH, 'streaming');
      const at = '2026-03-01T12:00:00.000Z';
      const shown = { state: 'PENDING', rows: 0, rejected: 0, table: null, error: null, updatedAt: at };
      expect(job.sinks).toEqual(BOTH.map((each) => ({ name: each, ...shown })));
      for (const sink of BOTH) {
        expect(await sinks.get({ jobId: job.jobId, name: sink })).toEqual({
          ...{ ...shown, jobId: job.jobId, name: sink, load: 1, when: 'streaming' },
          ...{ failures: 0, lease: 0, leaseToken: null },
        });
        expect(await sinks.claim(sink, 'me')).toBeUndefined();
      }
      expect(await sinks.get({ jobId: (await insert([])).jobId, name: 'postgres' })).toBeUndefined();
    });

    it('has no load of a job that did not come to be', async () => {
      const first = aJob({ idempotencyKey: 'k', options: { ...DEFAULT_OPTIONS, sinks: ['postgres'] } });
      expect(await jobs.create(first, 'me')).toEqual({ kind: 'created' });
      const second = aJob({ idempotencyKey: 'k', options: { ...DEFAULT_OPTIONS, sinks: ['postgres'] } });
      expect(await jobs.create(second, 'me')).toMatchObject({ kind: 'key_pending' });
      expect(await sinks.get({ jobId: second.jobId, name: 'postgres' })).toBeUndefined();
    });

    describe('a claim', () => {
      it('takes the load that has been due for longest, of this sink alone', async () => {
        const [late, early] = [await due(), await due()];
        await due('clickhouse');
        await sinks.updateInternal(late, {}, { runAfterMs: 40_000 });
        await sinks.updateInternal(early, {}, { runAfterMs: 30_000 });
        expect(await sinks.claim('postgres', 'me')).toBeUndefined();
        await pass(50_000);
        expect((await sinks.claim('postgres', 'me'))?.jobId).toBe(early.jobId);
        expect((await sinks.claim('postgres', 'me'))?.jobId).toBe(late.jobId);
        expect(await sinks.claim('postgres', 'me')).toBeUndefined();
      });

      it('gives each load to one of several that come at once', async () => {
        const keys = [];
        for (let i = 0; i < 5; i++) keys.push(await due());
        const claims = await Promise.all(Array.from({ length: 9 }, (_, i) => sinks.claim('postgres', `owner ${i}`)));
        const got = claims.flatMap((load) => (load === undefined ? [] : [load.jobId]));
        expect(new Set(got).size).toBe(got.length);
        // When two reach for the same load, one may leave empty-handed.
        for (let load = await sinks.claim('postgres', 'me'); load !== undefined; ) {
          got.push(load.jobId);
          load = await sinks.claim('postgres', 'me');
        }
        expect(got.sort()).toEqual(keys.map(({ jobId }) => jobId).sort());
      });

      it('is another lease each time, and changes nothing that users see', async () => {
        const first = await claimed();
        expect(await sinks.holds(first)).toBe(true);
        await sinks.release(first);
        expect(await sinks.holds(first)).toBe(false);
        const second = (await sinks.claim('postgres', 'me'))!;
        expect([first.lease, second.lease]).toEqual([1, 2]);
        expect(second.leaseToken).not.toBe(first.leaseToken);
        expect((await jobs.get(first.jobId))?.revision).toBe(1);
      });
    });

    describe('a lease', () => {
      it('lapses if it is not renewed in time, and may then be claimed', async () => {
        const [kept, lost] = [await claimed(), await claimed()];
        await pass(SINK_LEASE_MS - 1_000);
        expect(await sinks.releaseLapsed()).toBe(0);
        expect(await sinks.renew([kept], 'me')).toEqual([kept]);
        await pass(2_000);
        expect(await sinks.releaseLapsed()).toBe(1);
        expect(await sinks.claim('postgres', 'another')).toMatchObject({ jobId: lost.jobId, lease: 2 });
        expect(await sinks.renew([kept, lost], 'me')).toEqual([kept]);
        expect([await sinks.holds(kept), await sinks.holds(lost)]).toEqual([true, false]);
      });

      it('is renewed by its owner only, also when it has lapsed and nobody has noticed', async () => {
        const load = await claimed();
        await pass(2 * SINK_LEASE_MS);
        expect(await sinks.renew([load], 'another')).toEqual([]);
        expect(await sinks.renew([load], 'me')).toEqual([load]);
        expect(await sinks.releaseLapsed()).toBe(0);
      });

      it('of a process that is gone is ended whenever it would have lapsed', async () => {
        await claimed();
        expect(await sinks.releaseLapsed(true)).toBe(1);
        expect(await sinks.claim('postgres', 'me')).toMatchObject({ lease: 2 });
      });

      it('that is another one by now is not given back', async () => {
        const first = await claimed();
        await sinks.release(first);
        const second = (await sinks.claim('postgres', 'me'))!;
        await sinks.release(first);
        await sinks.release({ ...second, leaseToken: first.leaseToken });
        expect(await sinks.holds(second)).toBe(true);
      });
    });

    describe('a change', () => {
      it('is written to the load and, under a new revision, to its job', async () => {
        const load = await claimed();
        const error = { code: 'SINK_UNAVAILABLE', message: 'away' } as const;
        const changes = { state: 'RETRYING', rows: 5, rejected: 2, table: 'batch.orders', error, failures: 3 } as const;
        clock.advance(1_000);
        const job = await sinks.change(load, { lease: load }, { ...changes, leaseOwner: null, runAfterMs: 1_000 });
        const { failures: _, ...shown } = changes;
        expect(job).toMatchObject({ revision: 2, sinks: [{ name: 'postgres', ...shown }] });
        expect(job?.sinks[0]?.updatedAt).toBe(job?.updatedAt);
        expect(await jobs.get(load.jobId)).toEqual(job);
        expect(await sinks.get(load)).toMatchObject(changes);
        expect(await sinks.claim('postgres', 'me')).toBeUndefined();
        await pass(1_000);
        expect(await sinks.claim('postgres', 'me')).toMatchObject({ ...changes, lease: 2 });
      });

      it('is not made if the load is not in such a state, not of this generation or not under this lease', async () => {
        const load = await claimed();
        const change = (guard: Parameters<SinkStore['change']>[1]) =>
          sinks.change(load, guard, { rows: 9 }, [reject(1)]);
        expect(await change({ states: ['LOADING', 'LOADED'] })).toBeUndefined();
        expect(await change({ load: 2 })).toBeUndefined();
        expect(await change({ lease: { ...load, leaseToken: 'another' } })).toBeUndefined();
        expect(await change({ lease: { ...load, lease: 2 } })).toBeUndefined();
        expect(await sinks.change({ jobId: 'zzzzzzzz', name: 'postgres' }, {}, { rows: 9 })).toBeUndefined();
        expect(await jobs.get(load.jobId)).toMatchObject({ revision: 1, sinks: [{ rows: 0 }] });
        expect(await sinks.rejects(load.jobId, null, 10)).toEqual([]);
        expect(await change({ states: ['PENDING'], load: 1, lease: load })).toMatchObject({ revision: 2 });
        await sinks.release(load);
        expect(await change({ lease: load })).toBeUndefined();
        expect(await sinks.updateInternal(load, { lease: load }, { failures: 1 })).toBe(false);
      });

      it('of what only the service knows leaves the job as it is', async () => {
        const load = await claimed();
        expect(await sinks.updateInternal(load, { lease: load }, { leaseOwner: null, runAfterMs: null })).toBe(true);
        expect(await jobs.get(load.jobId)).toMatchObject({ revision: 1 });
        expect(await sinks.claim('postgres', 'me')).toBeUndefined();
        expect(await sinks.wake(load.jobId)).toBe(1);
        expect(await sinks.claim('postgres', 'me')).toMatchObject({ lease: 2 });
      });

      it('is in the job’s row, whoever changes other sinks of it, or the job, at the same time', async () => {
        const { jobId } = await insert(BOTH);
        const changes = [1, 2, 3, 4, 5, 6].flatMap((rows) => [
          ...BOTH.map((each) => sinks.change({ jobId, name: each }, {}, { rows, state: 'LOADING' })),
          jobs.bumpRevision(jobId),
        ]);
        const written = await Promise.all(changes);
        const job = (await jobs.get(jobId))!;
        expect(job.revision).toBe(1 + changes.length);
        expect(new Set(written.map((each) => each?.revision)).size).toBe(changes.length);
        for (const shown of job.sinks) {
          expect(await sinks.get({ jobId, name: shown.name })).toMatchObject({ ...shown, state: 'LOADING' });
        }
      });

      it('is none of a job that is on its way out', async () => {
        const load = await claimed();
        await become(load.jobId, 'SUCCESS');
        expect(await jobs.purge((await jobs.get(load.jobId))!)).toBe(true);
        expect(await sinks.change(load, { lease: load }, { rows: 1 })).toBeUndefined();
        expect(await sinks.add(load.jobId, ['clickhouse'], 'success')).toBeUndefined();
      });
    });

    describe('rows that a sink has rejected', () => {
      it('are kept once, however often they are told, and listed by sink and offset from any place on', async () => {
        const { jobId } = await insert(BOTH);
        const many = Array.from({ length: 250 }, (_, i) => reject(2 * i));
        await sinks.change({ jobId, name: 'postgres' }, {}, { rejected: 250 }, many);
        await sinks.change({ jobId, name: 'postgres' }, {}, { rejected: 251 }, [...many.slice(200), reject(7)]);
        await sinks.change({ jobId, name: 'clickhouse' }, {}, { rejected: 1 }, [reject(9_007_199_254_740_000)]);
        const expected = [
          { name: 'clickhouse', offset: 9_007_199_254_740_000 },
          ...[...many, reject(7)].map(({ offset }) => ({ name: 'postgres', offset })),
        ].sort((a, b) => (a.name === b.name ? a.offset - b.offset : a.name < b.name ? -1 : 1));
        const all = await sinks.rejects(jobId, null, 1_000);
        expect(all.map(({ name: sink, offset }) => ({ name: sink, offset }))).toEqual(expected);
        expect(all[1]?.value).toBe(reject(0).value);
        const listed = [];
        for (let after: { name: string; offset: number } | null = null; ; ) {
          const page: typeof all = await sinks.rejects(jobId, after, 100);
          listed.push(...page);
          if (page.length < 100) break;
          after = page.at(-1)!;
        }
        expect(listed).toEqual(all);
      });

      it('are gone with the generation that had them', async () => {
        const { jobId } = await insert(BOTH);
        for (const each of BOTH) await sinks.change({ jobId, name: each }, {}, { rejected: 1 }, [reject(1)]);
        await sinks.change({ jobId, name: 'postgres' }, { load: 1 }, { load: 2, rejected: 0 });
        expect(await sinks.rejects(jobId, null, 10)).toMatchObject([{ name: 'clickhouse' }]);
        await sinks.change({ jobId, name: 'postgres' }, { load: 2 }, { rejected: 1 }, [reject(1)]);
        expect(await sinks.rejects(jobId, null, 10)).toMatchObject([{ name: 'clickhouse' }, { name: 'postgres' }]);
      });
    });

    describe('a sink more', () => {
      it('is due at once, and shown with the job', async () => {
        const { jobId } = await insert(['postgres']);
        const job = await sinks.add(jobId, ['clickhouse'], 'streaming');
        expect(job).toMatchObject({ revision: 2, sinks: [{ name: 'clickhouse' }, { name: 'postgres' }] });
        expect(await sinks.claim('clickhouse', 'me')).toMatchObject({ jobId, when: 'streaming', load: 1 });
      });

      it('is none if the job has it, or is not there', async () => {
        const { jobId } = await insert(['postgres']);
        expect(await sinks.add(jobId, ['postgres'], 'success')).toBeUndefined();
        expect(await sinks.add('zzzzzzzz', ['postgres'], 'success')).toBeUndefined();
        // All or none.
        const other = (await insert(['postgres'])).jobId;
        expect(await sinks.add(other, ['clickhouse', 'postgres'], 'success')).toBeUndefined();
        expect(await sinks.get({ jobId: other, name: 'clickhouse' })).toBeUndefined();
        expect((await jobs.get(jobId))?.revision).toBe(1);
        const twice = await Promise.all([1, 2, 3].map(() => sinks.add(jobId, ['clickhouse'], 'success')));
        expect(twice.filter((job) => job !== undefined)).toHaveLength(1);
      });
    });

    it('wakes the loads of a job that wait for it, and no others', async () => {
      const { jobId } = await insert(BOTH);
      const other = await insert();
      await sinks.change({ jobId, name: 'clickhouse' }, {}, { state: 'FAILED' });
      expect(await sinks.wake(jobId)).toBe(1);
      expect(await sinks.wake(jobId)).toBe(0);
      expect(await sinks.claim('clickhouse', 'me')).toBeUndefined();
      expect((await sinks.claim('postgres', 'me'))?.jobId).toBe(jobId);
      expect(await sinks.wake(other.jobId)).toBe(1);
    });

    it.each<[string, string | null, SinkWhen, boolean]>([
      ['SUCCESS', null, 'success', true],
      ['PARTIAL_SUCCESS', null, 'success', true],
      ['FAILED', 'ALL_ROWS_REJECTED', 'success', true],
      ['FAILED', 'KAFKA_UNAVAILABLE', 'success', false],
      ['FAILED', 'KAFKA_UNAVAILABLE', 'streaming', false],
      ['CANCELLED', null, 'streaming', false],
      ['PENDING', null, 'streaming', false],
      ['RUNNING', null, 'success', false],
      ['RUNNING', null, 'streaming', true],
    ])(
      'wakes what a lost wake has left: of a job that is %s (%s), sink_when %s: %s',
      async (state, code, when, isWoken) => {
        const { jobId } = await insert(['postgres'], when);
        await become(jobId, state, code);
        expect(await sinks.wakeMissed()).toBe(Number(isWoken));
        expect((await sinks.claim('postgres', 'me'))?.jobId).toBe(isWoken ? jobId : undefined);
      },
    );

    it('wakes a load that follows its job once more after the job has failed: what it committed is loaded', async () => {
      const { jobId } = await insert(['postgres'], 'streaming');
      await become(jobId, 'FAILED', 'KAFKA_UNAVAILABLE');
      const ended = { checkpoint: '{}', finished_at: '2026-03-01T12:00:01.000Z' };
      await db.updateTable('jobs').set(ended).where('job_id', '=', jobId).execute();
      expect(await sinks.wakeMissed()).toBe(1);
      const claimed = await sinks.claim('postgres', 'me');
      expect(claimed?.jobId).toBe(jobId);
      clock.advance(2_000);
      await sinks.change({ jobId, name: 'postgres' }, {}, { state: 'PENDING', rows: 8, runAfterMs: null });
      expect(await sinks.wakeMissed()).toBe(0);
    });

    describe('topics', () => {
      const LATER = Date.parse('2026-03-05T12:00:00.000Z');

      it('are about to expire where a load is under way or due, the oldest first, until they are kept', async () => {
        const [first, second] = [await due(), await due()];
        await insert();
        const [done, failed] = [await due(), await due()];
        await sinks.change(done, {}, { state: 'LOADED', runAfterMs: null });
        await sinks.change(failed, {}, { state: 'FAILED', runAfterMs: null });
        const created = Date.parse('2026-03-01T12:00:00.000Z');
        expect(await sinks.expiring(created, 0, 10)).toEqual([]);
        const expected = { ...first, seq: 1, topicPrefix: 'batch', createdAt: '2026-03-01T12:00:00.000Z' };
        expect(await sinks.expiring(LATER, 0, 1)).toEqual([expected]);
        expect((await sinks.expiring(LATER, 0, 10)).map(({ jobId }) => jobId)).toEqual([first.jobId, second.jobId]);
        expect((await sinks.expiring(LATER, 1, 10)).map(({ jobId }) => jobId)).toEqual([second.jobId]);
        await sinks.markTopicsKept(first.jobId, true);
        expect((await sinks.expiring(LATER, 0, 10)).map(({ jobId }) => jobId)).toEqual([second.jobId]);
        await sinks.change(second, {}, { error: { code: 'SINK_EXPIRED', message: 'soon' } });
        expect(await sinks.unannounced(LATER, 10)).toEqual([]);
        expect(await sinks.expiring(LATER, 0, 10)).toHaveLength(1);
      });

      it('are needed by a load that FAILED for as long as they are kept by themselves, unless it is too late', async () => {
        const [failed, expired] = [await due(), await due()];
        const error = { code: 'SINK_SCHEMA_CONFLICT', message: 'why' } as const;
        await sinks.change(failed, {}, { state: 'FAILED', error, runAfterMs: null });
        await sinks.change(
          expired,
          {},
          { state: 'FAILED', error: { ...error, code: 'SINK_EXPIRED' }, runAfterMs: null },
        );
        expect((await sinks.expiring(LATER, 0, 10)).map(({ jobId }) => jobId)).toEqual([failed.jobId]);
        expect(await sinks.unannounced(LATER, 10)).toEqual([]);
        await sinks.markTopicsKept(failed.jobId, true);
        expect(await sinks.kept(10)).toEqual([]);
        clock.advance(7 * 86_400_000 + 1);
        expect((await sinks.kept(10)).map(({ jobId }) => jobId)).toEqual([failed.jobId]);
      });

      it('that are kept are needed as long as one load of the job goes on', async () => {
        const { jobId } = await insert(BOTH);
        await sinks.wake(jobId);
        await sinks.markTopicsKept(jobId, true);
        expect(await sinks.kept(10)).toEqual([]);
        await sinks.change({ jobId, name: 'postgres' }, {}, { state: 'LOADED', runAfterMs: null });
        expect(await sinks.kept(10)).toEqual([]);
        await sinks.change({ jobId, name: 'clickhouse' }, {}, { state: 'FAILED', runAfterMs: null });
        expect((await sinks.kept(10)).map((each) => each.jobId)).toEqual([jobId, jobId]);
        await sinks.markTopicsKept(jobId, false);
        expect(await sinks.kept(10)).toEqual([]);
      });
    });

    it('counts the loads of each sink that have not ended, and knows the newest error', async () => {
      expect([await sinks.counts(), await sinks.newestError('postgres')]).toEqual([[], null]);
      const keys = [];
      for (let i = 0; i < 5; i++) keys.push(await due());
      await due('clickhouse');
      const fail = async (key: SinkKey, state: 'RETRYING' | 'FAILED' | 'LOADED', message: string) => {
        clock.advance(1_000);
        await sinks.change(key, {}, { state, error: { code: 'SINK_UNAVAILABLE', message } });
      };
      await fail(keys[0]!, 'FAILED', 'first');
      await fail(keys[1]!, 'RETRYING', 'second');
      expect(await sinks.newestError('postgres')).toEqual({ code: 'SINK_UNAVAILABLE', message: 'second' });
      await fail(keys[2]!, 'FAILED', 'third');
      await fail(keys[3]!, 'LOADED', 'of no interest');
      expect(await sinks.newestError('postgres')).toEqual({ code: 'SINK_UNAVAILABLE', message: 'third' });
      expect(await sinks.newestError('clickhouse')).toBeNull();
      const counts = await sinks.counts();
      expect(counts.map((each) => `${each.name} ${each.state} ${each.count}`).sort()).toEqual([
        'clickhouse PENDING 1',
        'postgres FAILED 2',
        'postgres PENDING 1',
        'postgres RETRYING 1',
      ]);
    });

    it('forgets a job that is removed, its loads and its rejected rows', async () => {
      const { jobId } = await insert(BOTH);
      const key = { jobId, name: 'postgres' } as const;
      await sinks.change(key, {}, { rejected: 1 }, [reject(1)]);
      const removals = new RemovalStore(db);
      await removals.delete(jobId);
      expect(await sinks.get(key)).toBeDefined();
      await become(jobId, 'SUCCESS');
      await jobs.purge((await jobs.get(jobId))!);
      await removals.delete(jobId);
      expect(await sinks.get(key)).toBeUndefined();
      expect(await sinks.rejects(jobId, null, 10)).toEqual([]);
      expect(await db.selectFrom('sink_loads').selectAll().execute()).toEqual([]);
    });
  });
}
