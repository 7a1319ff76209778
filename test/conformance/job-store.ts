import { isPostgres } from '../../src/database/index.js';
import { catalogue, type ErrorCode } from '../../src/errors/index.js';
import type { JobState } from '../../src/jobs/domain/job.js';
import type { JobChanges } from '../../src/jobs/domain/job-changes.js';
import { newJobId } from '../../src/jobs/domain/job-id.js';
import { isResumable } from '../../src/jobs/domain/job-state.js';
import { toJob } from '../../src/jobs/domain/job-view.js';
import type { StoredJob } from '../../src/jobs/domain/stored-job.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { LEASE_MS, type LeaseId, LeaseStore } from '../../src/jobs/store/lease-store.js';
import { RemovalStore } from '../../src/jobs/store/removal-store.js';
import { type AllowedSource, parseAllowedSource } from '../../src/sources/index.js';
import { ManualClock } from '../jobs/support/manual-clock.js';
import { aJob, insertJob, type StoreFixture } from '../jobs/support/store-fixture.js';

const checkpoint = {
  position: { row: 10, line: 11, byte: 400 },
  ok: 8,
  errors: 2,
  dataEnd: 9,
  dlqEnd: 3,
  eof: false,
  bytesDone: 400,
  size: 1000,
};

/** What the stores of jobs do, whatever database they are in. */
export function describesJobStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the job store in ${name}`, () => {
    let fixture: StoreFixture;
    let clock: ManualClock;
    let store: JobStore;
    let leases: LeaseStore;
    let removals: RemovalStore;

    beforeEach(async () => {
      fixture = await open();
      clock = new ManualClock();
      store = new JobStore(fixture.db, clock);
      leases = new LeaseStore(fixture.db, clock);
      removals = new RemovalStore(fixture.db);
    });
    afterEach(() => fixture.close());

    /** Time passes for the store. The clock of a PostgreSQL cannot be moved, so the times in its rows are. */
    async function pass(ms: number): Promise<void> {
      clock.advance(ms);
      if (!isPostgres(fixture.db)) return;
      for (const column of ['run_after', 'lease_until'] as const) {
        await fixture.db
          .updateTable('jobs')
          .set((eb) => ({ [column]: eb(column, '-', ms) }))
          .execute();
      }
    }

    async function insert(job: Parameters<typeof aJob>[0] = {}): Promise<StoredJob> {
      return insertJob(store, job);
    }

    async function addModel(id: string): Promise<void> {
      await fixture.models.create(id, { name: id, schema: {}, compiled: { columns: [], additionalColumns: true } });
    }

    /** Jobs that wait, all but their ids the same. */
    async function insertMany(count: number, job: Parameters<typeof aJob>[0]): Promise<void> {
      const { jobId } = await insert(job);
      const { seq, ...row } = await fixture.db
        .selectFrom('jobs')
        .selectAll()
        .where('job_id', '=', jobId)
        .executeTakeFirstOrThrow();
      for (let at = 1; at < count; at += 100) {
        const copies = Array.from({ length: Math.min(100, count - at) }, (_, i) => ({
          ...row,
          job_id: newJobId(),
          file_key: newJobId(),
          seq: seq + 1_000_000 + at + i,
        }));
        await fixture.db.insertInto('jobs').values(copies).execute();
      }
    }

    async function unfinished(pageSize = 10): Promise<string[][]> {
      const pages: string[][] = [];
      for await (const page of store.unfinished(pageSize)) pages.push(page);
      return pages;
    }

    it('begins a job as PENDING, and shows it as the contract says', async () => {
      const record = await insert({ jobId: 'a1b2c3d4', metadata: { team: 'sales' } });
      clock.advance(30);
      expect(toJob(record, clock.steady())).toEqual({
        job_id: 'a1b2c3d4',
        model_id: 'orders',
        model_version: 1,
        state: 'PENDING',
        revision: 1,
        filename: 'orders.csv',
        format: 'csv',
        file_compression: 'none',
        encoding: 'utf-8',
        size_bytes: 1000,
        source: null,
        waiting: null,
        sha256: 'a'.repeat(64),
        metadata: { team: 'sales' },
        file_columns: null,
        dialect: {
          delimiter: ',',
          quote: '"',
          escape: '"',
          quotes: 'strict',
          header: true,
          comment: null,
          skip_lines: 0,
          trim: false,
        },
        options: {
          value_format: 'raw',
          compression: 'none',
          null_values: [],
          quoted_nulls: 'typed',
          quoted_empty: 'text',
          header_names: 'lenient',
          rename: {},
          normalize: {},
          ignore_header_case: false,
          on_broken: 'continue',
          csv_reader: 'auto',
          sinks: [],
          sink_when: 'success',
          max_sink_errors: 1000,
          on_conflict: 'update',
          expect: {},
        },
        sinks: [],
        totals: { rows: 0, ok: 0, errors: 0 },
        warnings: [],
        owner: null,
        progress: { bytes_done: 0, bytes_total: 1000 },
        timings: { waiting_ms: 30, processing_ms: 0 },
        topics: { data: 'batch_a1b2c3d4', dlq: 'batch_a1b2c3d4_dlq' },
        end_offsets: null,
        error: null,
        attempt: 1,
        created_at: '2026-03-01T12:00:00.000Z',
        started_at: null,
        updated_at: '2026-03-01T12:00:00.000Z',
        finished_at: null,
      });
    });

    it('reads back every change that was written', async () => {
      const { jobId } = await insert();
      const changes = {
        state: 'RUNNING',
        crashes: 2,
        attempt: 3,
        fileColumns: ['id', 'name'],
        checkpoint,
        checkpointVerified: false,
        bytesDone: 500,
        pendingError: { code: 'RUNNER_CRASHED', message: 'three times' },
        error: { code: 'KAFKA_UNAVAILABLE', message: 'away' },
        spooled: false,
        waitingMs: 5,
        processingMs: 6,
        phaseSince: 7,
        startedAt: '2026-03-01T12:00:01.000Z',
        finishedAt: '2026-03-01T12:00:02.000Z',
      } as const;
      const changed = await store.change(
        jobId,
        { states: ['PENDING'] },
        { ...changes, fileColumns: [...changes.fileColumns] },
      );
      expect(changed).toMatchObject({ ...changes, revision: 2 });
      expect(await store.get(jobId)).toEqual(changed);

      const cleared = await store.updateInternal(
        jobId,
        { states: ['RUNNING'] },
        { pendingError: null, error: null, finishedAt: null },
      );
      expect(cleared).toEqual({ ...changed, pendingError: null, error: null, finishedAt: null });
    });

    it('does not know a job that never was', async () => {
      expect(await store.get('zzzzzzzz')).toBeUndefined();
      expect(await store.change('zzzzzzzz', { states: ['PENDING'] }, { state: 'RUNNING' })).toBeUndefined();
      expect(await store.bumpRevision('zzzzzzzz')).toBeUndefined();
    });

    it('lets exactly one of several racing changes win', async () => {
      const { jobId } = await insert();
      const results = await Promise.all([
        store.change(jobId, { states: ['PENDING'] }, { state: 'CANCELLED' }),
        store.change(jobId, { states: ['PENDING'] }, { state: 'RUNNING' }),
        store.change(jobId, { states: ['PENDING'] }, { state: 'FAILED' }),
      ]);
      expect(results.filter((result) => result !== undefined)).toHaveLength(1);
      expect((await store.get(jobId))?.revision).toBe(2);
    });

    it('gives each lease out once, and it only grows', async () => {
      const { jobId } = await insert();
      const claims = await Promise.all([store.claim('run', 'me'), store.claim('run', 'me')]);
      // Either may come first.
      const [first, ...others] = claims.filter((claim) => claim !== undefined);
      expect([first?.record.lease, others]).toEqual([1, []]);
      expect(first).toMatchObject({ begun: true, record: { jobId, state: 'RUNNING', revision: 2 } });
      await store.release(first!.record);
      const third = await store.claim('run', 'me');
      expect(third).toMatchObject({ begun: false, record: { lease: 2, revision: 2 } });
    });

    it('does not take a change under a lease that is not current', async () => {
      const record = await insert();
      const { record: first } = (await store.claim('run', 'me'))!;
      await store.release(first);
      const { record: second } = (await store.claim('run', 'me'))!;
      const change = (lease: LeaseId) => store.change(record.jobId, { states: ['RUNNING'], lease }, { bytesDone: 9 });
      expect(await change(first)).toBeUndefined();
      expect(await change({ ...second, leaseToken: first.leaseToken })).toBeUndefined();
      expect(await change(second)).toBeDefined();
    });

    it('refuses a change that the state table does not know', async () => {
      const { jobId } = await insert();
      await expect(store.change(jobId, { states: ['PENDING'] }, { state: 'SUCCESS' })).rejects.toThrow(
        /PENDING to SUCCESS/,
      );
    });

    it('gives one job for one Idempotency-Key, however often and fast it comes', async () => {
      const jobs = Array.from({ length: 5 }, () => aJob({ idempotencyKey: 'k1' }));
      const results = await Promise.all(jobs.map((job) => store.create(job, 'me')));
      expect(results.map((result) => result.kind).sort()).toEqual(['created', ...Array(4).fill('key_pending')]);
      expect(await store.findByIdempotencyKey('k1')).toBeUndefined();
      const { jobId } = jobs[results.findIndex((result) => result.kind === 'created')]!;
      await store.activate(jobId, 'me');
      expect(await store.create(aJob({ idempotencyKey: 'k1' }), 'me')).toMatchObject({
        kind: 'key_taken',
        record: { jobId },
      });
      expect((await store.findByIdempotencyKey('k1'))?.jobId).toBe(jobId);
      expect(await store.findByIdempotencyKey('k2')).toBeUndefined();
    });

    it('gives jobs that are created at once different places in the order', async () => {
      const jobs = await Promise.all(Array.from({ length: 20 }, () => insert()));
      const { items } = await store.list({ limit: 100 });
      expect(items.map(({ jobId }) => jobId).sort()).toEqual(jobs.map(({ jobId }) => jobId).sort());
    });

    it('writes to several jobs at once in any order, and no write waits for another for ever', async () => {
      const owner = 'me';
      for (let count = 0; count < 6; count++) await insert();
      const held: StoredJob[] = [];
      for (let count = 0; count < 6; count++) held.push((await store.claim('run', owner))!.record);
      const writes = Array.from({ length: 30 }, (_, at) => {
        const some = at % 2 === 0 ? held : held.toReversed();
        const marks = new Map(some.map(({ jobId }) => [jobId, at]));
        const progress = some.map((lease) => ({ jobId: lease.jobId, lease, changes: { bytesDone: at } }));
        return [leases.renew(some, owner), store.changeProgress(progress), store.markPublished(marks)];
      });
      await Promise.all(writes.flat());
      expect((await leases.renew(held, owner)).size).toBe(6);
    });

    it('gives each job to one of several claims that come at once', async () => {
      const jobs = await Promise.all(Array.from({ length: 5 }, () => insert()));
      const claims = await Promise.all(Array.from({ length: 8 }, (_, at) => store.claim('run', `owner ${at}`)));
      const claimed = claims.flatMap((claim) => (claim === undefined ? [] : [claim.record.jobId]));
      expect(claimed.sort()).toEqual(jobs.map(({ jobId }) => jobId).sort());
      expect(claims.every((claim) => claim === undefined || (claim.begun && claim.record.lease === 1))).toBe(true);
    });

    it('says when an id is taken', async () => {
      const { jobId } = await insert();
      expect(await store.create(aJob({ jobId, idempotencyKey: 'fresh' }), 'me')).toEqual({ kind: 'id_taken' });
    });

    it('counts a row that is being created nowhere as a job', async () => {
      const { jobId } = aJob();
      await store.create(aJob({ jobId, idempotencyKey: 'k' }), 'me');
      expect(await store.get(jobId)).toBeUndefined();
      expect(await store.findByIdempotencyKey('k')).toBeUndefined();
      expect((await store.list({ limit: 10 })).items).toEqual([]);
      expect(await unfinished()).toEqual([]);
      expect(await store.unpublished(10)).toEqual([]);
      expect(await store.bumpRevision(jobId)).toBeUndefined();
      expect(await store.change(jobId, { states: ['PENDING'] }, { state: 'RUNNING' })).toBeUndefined();
    });

    it('lets only its owner make a job of a row, and only once', async () => {
      const { jobId } = aJob();
      await store.create(aJob({ jobId }), 'me');
      expect(await store.activate(jobId, 'somebody else')).toBeUndefined();
      expect(await store.activate(jobId, 'me')).toMatchObject({ jobId, state: 'PENDING', revision: 1 });
      expect(await store.activate(jobId, 'me')).toBeUndefined();
      expect(await store.abort(jobId, 'me', null)).toBe(false);
      expect(await store.get(jobId)).toBeDefined();
    });

    it('gives the key of a creation free that is given up, and keeps the row until all else is gone', async () => {
      const [left, mine, failed] = [aJob({ idempotencyKey: 'a' }), aJob({ idempotencyKey: 'b' }), aJob()];
      await store.create(left, 'a process that is gone');
      await store.create(mine, 'me');
      await store.create(failed, 'me');
      expect(await store.abortCreations('me', [mine.jobId], 0)).toBe(2);
      expect(await store.abortCreations('me', [mine.jobId], 0)).toBe(0);
      expect((await removals.list(0, 10)).map((row) => row.jobId)).toEqual([left.jobId, failed.jobId]);
      expect(await store.create(aJob({ idempotencyKey: 'a' }), 'me')).toEqual({ kind: 'created' });
      expect(await store.activate(left.jobId, 'a process that is gone')).toBeUndefined();
      expect(await store.activate(mine.jobId, 'me')).toBeDefined();
      for (const { jobId } of [left, mine]) await removals.delete(jobId);
      expect((await removals.list(0, 10)).map((row) => row.jobId)).toEqual([failed.jobId]);
      expect(await store.get(mine.jobId)).toBeDefined();
    });

    it('lists newest first in pages that new jobs do not disturb', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.unshift((await insert()).jobId);
      const first = await store.list({ limit: 2 });
      await insert();
      const second = await store.list({ limit: 2, cursor: first.nextCursor! });
      const third = await store.list({ limit: 2, cursor: second.nextCursor! });
      expect([...first.items, ...second.items, ...third.items].map((record) => record.jobId)).toEqual(ids);
      expect(third.nextCursor).toBeNull();
    });

    it('filters a list by state and by model', async () => {
      const model = { name: 'Other', schema: {}, compiled: { columns: [], additionalColumns: true } };
      await fixture.models.create('other', model);
      const a = await insert({ modelId: 'other' });
      const b = await insert({ modelId: 'other' });
      const c = await insert();
      await store.change(b.jobId, { states: ['PENDING'] }, { state: 'CANCELLED' });
      const ids = async (filter: Omit<Parameters<JobStore['list']>[0], 'limit'>): Promise<string[]> =>
        (await store.list({ limit: 10, ...filter })).items.map((record) => record.jobId);
      expect(await ids({ modelId: 'other' })).toEqual([b.jobId, a.jobId]);
      expect(await ids({ state: 'PENDING' })).toEqual([c.jobId, a.jobId]);
      expect(await ids({ state: 'PENDING', modelId: 'other' })).toEqual([a.jobId]);
      expect(await ids({ state: 'SUCCESS' })).toEqual([]);
    });

    it('lists the jobs that a resume would take, and the others', async () => {
      const ended = async (state: JobState, code: ErrorCode | null, kept = true): Promise<string> => {
        const { jobId } = await insert();
        const error = code && { code, message: 'It failed' };
        const from: JobState = state === 'SUCCESS' ? 'RUNNING' : 'PENDING';
        if (from === 'RUNNING') await store.change(jobId, { states: ['PENDING'] }, { state: from });
        await store.change(jobId, { states: [from] }, { state, error, spooled: kept });
        return jobId;
      };
      const never = [(await insert()).jobId, await ended('SUCCESS', null)];
      const cancelled = await ended('CANCELLED', null);
      const cancelledGone = await ended('CANCELLED', null, false);
      const failed = new Map<ErrorCode, string>();
      for (const code of Object.keys(catalogue) as ErrorCode[]) failed.set(code, await ended('FAILED', code));
      const failedGone = await ended('FAILED', 'KAFKA_UNAVAILABLE', false);
      const unexplained = await ended('FAILED', null);
      const ids = async (filter: Omit<Parameters<JobStore['list']>[0], 'limit'>): Promise<string[]> =>
        (await store.list({ limit: 1000, ...filter })).items.map((record) => record.jobId);
      const codes = [...failed];
      const mendable = codes.filter(([code]) => isResumable('FAILED', code)).map(([, id]) => id);
      const final = codes.filter(([code]) => !isResumable('FAILED', code)).map(([, id]) => id);
      expect([mendable.length > 0, final.length > 0]).toEqual([true, true]);
      expect(await ids({ state: 'FAILED', resumable: true })).toEqual(mendable.toReversed());
      expect(await ids({ resumable: true })).toEqual([cancelled, ...mendable].toReversed());
      expect(await ids({ state: 'FAILED', resumable: false })).toEqual([
        unexplained,
        failedGone,
        ...final.toReversed(),
      ]);
      expect(new Set(await ids({ resumable: false }))).toEqual(
        new Set([...never, cancelledGone, failedGone, unexplained, ...final]),
      );
    });

    it('lists jobs without their columns, however wide these are', async () => {
      const { jobId } = await insert();
      await store.change(jobId, { states: ['PENDING'] }, { fileColumns: ['id', 'name'] });
      expect((await store.list({ limit: 10 })).items[0]).not.toHaveProperty('fileColumns');
      expect((await store.get(jobId))?.fileColumns).toEqual(['id', 'name']);
    });

    it('ends a page at 8 MB, and leaves out no job', async () => {
      const metadata = { note: 'x'.repeat(3_000_000) };
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.unshift((await insert({ metadata })).jobId);
      ids.unshift((await insert({ metadata: { note: 'x'.repeat(9_000_000) } })).jobId);
      const pages: string[][] = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const page = await store.list({ limit: 10, cursor });
        pages.push(page.items.map((record) => record.jobId));
        cursor = page.nextCursor;
      }
      expect(pages).toEqual([ids.slice(0, 1), ids.slice(1, 3), ids.slice(3, 5), ids.slice(5)]);
    });

    it('refuses a cursor that no page gave', async () => {
      for (const cursor of ['', 'x', '-1', '1.5', "1' or 1=1", '9'.repeat(30)]) {
        await expect(store.list({ limit: 1, cursor })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      }
    });

    describe('a claim', () => {
      const claimed = async (intent: 'run' | 'reconcile', owner = 'me'): Promise<string | undefined> =>
        (await store.claim(intent, owner))?.record.jobId;

      async function inState(state: 'RUNNING' | 'CANCELLING' | 'FAILED', more: JobChanges = {}): Promise<string> {
        const { jobId } = await insert();
        await store.change(jobId, { states: ['PENDING'] }, { state: 'RUNNING', ...more });
        if (state !== 'RUNNING') await store.change(jobId, { states: ['RUNNING'] }, { state, ...more });
        return jobId;
      }

      it('begins a job that waits, with what its wait took', async () => {
        const { jobId } = await insert();
        clock.advance(70);
        const claim = await store.claim('run', 'me');
        expect(claim).toMatchObject({
          begun: true,
          record: {
            jobId,
            state: 'RUNNING',
            lease: 1,
            revision: 2,
            waitingMs: 70,
            phaseSince: clock.steady(),
            startedAt: '2026-03-01T12:00:00.070Z',
            updatedAt: '2026-03-01T12:00:00.070Z',
            checkpointVerified: false,
          },
        });
        expect(await store.get(jobId)).toEqual(claim?.record);
        clock.advance(30);
        await store.release(claim!.record);
        // Going on is nothing that users see.
        expect(await store.claim('run', 'me')).toEqual({
          begun: false,
          record: { ...claim?.record, lease: 2, leaseToken: expect.any(String) },
        });
      });

      it('takes those under way first, then those that have waited longest', async () => {
        const [first, second] = [await insert(), await insert()];
        await pass(1);
        await store.change(first.jobId, { states: ['PENDING'] }, { runAfterMs: 0 }); // resumed
        const [late, running] = [await insert(), await inState('RUNNING')];
        const order = [running, second.jobId, first.jobId, late.jobId];
        for (const jobId of order) expect(await claimed('run')).toBe(jobId);
        expect(await claimed('run')).toBeUndefined();
      });

      it('takes the oldest job of the model with the fewest running ones', async () => {
        for (const modelId of ['a', 'b', 'c']) await addModel(modelId);
        const jobs = new Map<string, string>();
        for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) {
          jobs.set((await insert({ modelId: name.slice(0, 1) })).jobId, name);
        }
        const order: (string | undefined)[] = [];
        const take = async (): Promise<StoredJob | undefined> => {
          const claim = await store.claim('run', 'me');
          order.push(claim && jobs.get(claim.record.jobId));
          return claim?.record;
        };
        await take();
        const b1 = (await take())!;
        await take();
        await take();
        expect(order).toEqual(['a1', 'b1', 'c1', 'a2']);
        await store.change(b1.jobId, { states: ['RUNNING'] }, { state: 'FAILED', leaseOwner: null, runAfterMs: null });
        await take();
        await take();
        await take();
        expect(order.slice(4)).toEqual(['b2', 'a3', undefined]);
      });

      it('finds the one job of a model behind a thousand of another one', async () => {
        for (const modelId of ['alone', 'bulk']) await addModel(modelId);
        await insertMany(1_200, { modelId: 'bulk' });
        const { jobId } = await insert({ modelId: 'alone' });
        expect((await store.claim('run', 'me'))?.record.modelId).toBe('bulk');
        expect(await claimed('run')).toBe(jobId);
        expect((await store.claim('run', 'me'))?.record.modelId).toBe('bulk');
      });

      it('takes cancels first for a runner that reconciles, then what ends by it, then what has failed', async () => {
        const pendingError = { code: 'RUNNER_CRASHED', message: '' } as const;
        const failed = await inState('FAILED');
        const doomed = await inState('RUNNING', { pendingError });
        const waiting = await insert();
        await store.updateInternal(waiting.jobId, { states: ['PENDING'] }, { pendingError });
        const cancelling = await inState('CANCELLING', { pendingError });
        expect(await claimed('run')).toBeUndefined();
        for (const jobId of [cancelling, doomed, waiting.jobId, failed]) expect(await claimed('reconcile')).toBe(jobId);
        expect(await claimed('reconcile')).toBeUndefined();
      });

      it('takes only jobs whose source the worker may read, in the order of the others', async () => {
        const at = async (uri: string): Promise<string> =>
          (await insert({ source: { uri, version: '1', sizeBytes: 1 } })).jobId;
        const allowed = ['s3://bucket/in', 'file:/data/ä b', 'https://host/pub'].map((text) => {
          const prefix = parseAllowedSource(text);
          if (prefix === null) throw new Error(text);
          return prefix;
        });
        const others = [
          await at('s3://bucket/in-other/a.csv'),
          await at('S3://bucket/in/a.csv'),
          await at('file:///data/a.csv'),
          await at('https://host/publ?a'),
        ];
        const ours = [
          await at('s3://bucket/in/a.csv'),
          (await insert()).jobId,
          await at('file:///data/%C3%A4%20b/a.csv'),
          await at('https://host/pub?a=1'),
        ];
        const all = async (sources: readonly AllowedSource[]): Promise<string[]> => {
          const found: string[] = [];
          for (;;) {
            const claim = await store.claim('run', 'me', sources);
            if (claim === undefined) return found;
            found.push(claim.record.jobId);
          }
        };
        expect(await all([])).toEqual([ours[1]]);
        expect((await all(allowed)).toSorted()).toEqual([ours[0], ours[2], ours[3]].toSorted());
        for (const jobId of others) expect((await store.get(jobId))?.state).toBe('PENDING');
      });

      it('leaves alone jobs of a newer version than it understands', async () => {
        const [newer, running, old] = [(await insert()).jobId, await inState('RUNNING'), (await insert()).jobId];
        const version = async (jobIds: string[], change: number): Promise<void> => {
          await fixture.db
            .updateTable('jobs')
            .set((eb) => ({ job_version: eb('job_version', '+', change) }))
            .where('job_id', 'in', jobIds)
            .execute();
        };
        await version([newer, running], 1);
        expect([await claimed('run'), await claimed('run'), await claimed('reconcile')]).toEqual([
          old,
          undefined,
          undefined,
        ]);
        await version([newer, running], -1);
        expect([await claimed('run'), await claimed('run')]).toEqual([running, newer]);
      });

      it('leaves alone what somebody has, what is not due and what needs no runner', async () => {
        const running = await inState('RUNNING', { runAfterMs: 60_000 });
        const done = await inState('FAILED', { runAfterMs: null });
        await store.create(aJob(), 'me'); // not a job yet
        expect([await claimed('run'), await claimed('reconcile')]).toEqual([undefined, undefined]);
        await pass(30_000);
        expect(await claimed('run')).toBeUndefined();
        await pass(30_000);
        expect(await claimed('run', 'another process')).toBe(running);
        await pass(100_000);
        expect([await claimed('run'), await claimed('reconcile')]).toEqual([undefined, undefined]);
        expect((await store.get(done))?.lease).toBe(0);
      });

      it('keeps the owner of a job that is resumed until its runner has reported', async () => {
        const jobId = await inState('FAILED');
        expect(await claimed('reconcile')).toBe(jobId);
        await store.change(jobId, { states: ['FAILED'] }, { state: 'PENDING', runAfterMs: 0 });
        expect(await claimed('run')).toBeUndefined();
        await store.change(jobId, { states: ['PENDING'] }, { leaseOwner: null, runAfterMs: 0 });
        expect(await claimed('run')).toBe(jobId);
      });

      it('finds everything at once after a new start, also with a clock that was set back', async () => {
        const [mine, later, waiting] = [
          await insert(),
          await inState('FAILED', { runAfterMs: 600_000 }),
          await insert(),
        ];
        expect(await claimed('run')).toBe(mine.jobId);
        const restarted = new JobStore(fixture.db, new ManualClock(-3_600_000));
        await restarted.releaseAll();
        const ids = [];
        for (const intent of ['run', 'run', 'reconcile'] as const)
          ids.push((await restarted.claim(intent, 'the new start'))?.record.jobId);
        expect(ids).toEqual([mine.jobId, waiting.jobId, later]);
      });

      it('is lost when it was not renewed in time, and others have claimed the job', async () => {
        const { jobId } = await insert();
        const { record: first } = (await store.claim('run', 'me'))!;
        await pass(LEASE_MS - 2_000);
        expect(await leases.renew([first], 'me')).toEqual(new Set([jobId]));
        await pass(LEASE_MS - 2_000);
        expect([await leases.releaseLapsed(), await leases.holds(first, 'me')]).toEqual([[], true]);
        await pass(2_000);
        expect(await leases.holds(first, 'me')).toBe(true); // nobody has noticed
        expect([await leases.releaseLapsed(), await leases.releaseLapsed()]).toEqual([[jobId], []]);
        expect([await leases.holds(first, 'me'), await leases.renew([first], 'me')]).toEqual([false, new Set()]);
        const { record: second } = (await store.claim('run', 'another process'))!;
        expect(second).toMatchObject({ jobId, lease: 2 });
        expect(await leases.renew([first, { ...second, leaseToken: first.leaseToken }], 'me')).toEqual(new Set());
        expect(await leases.renew([second], 'me')).toEqual(new Set());
        expect(await leases.renew([second], 'another process')).toEqual(new Set([jobId]));
        await store.release(first);
        expect(await leases.holds(second, 'another process')).toBe(true);
      });

      it('is renewed after it has lapsed, as long as nobody has noticed', async () => {
        await insert();
        const { record } = (await store.claim('run', 'me'))!;
        await pass(10 * LEASE_MS);
        expect((await leases.renew([record], 'me')).size).toBe(1);
        expect([await leases.releaseLapsed(), await leases.renew([], 'me')]).toEqual([[], new Set()]);
      });

      it('brings a retry forward, never back, and of nobody who is being worked on', async () => {
        const [soon, late, taken] = [
          await inState('FAILED', { runAfterMs: 1_000 }),
          await inState('FAILED', { runAfterMs: 600_000 }),
          await inState('FAILED'),
        ];
        expect(await claimed('reconcile')).toBe(taken);
        await store.hasten([soon, late, taken], 30_000);
        await pass(1_000);
        expect([await claimed('reconcile'), await claimed('reconcile')]).toEqual([soon, undefined]);
        await pass(29_000);
        expect([await claimed('reconcile'), await claimed('reconcile')]).toEqual([late, undefined]);
      });
    });

    it('lists those that nobody works on: under way, waiting in their order, to be reconciled', async () => {
      const jobs: StoredJob[] = [];
      for (let i = 0; i < 5; i++) jobs.push(await insert());
      const [a, b, c, d, e] = jobs.map((job) => job.jobId) as [string, string, string, string, string];
      await store.change(a, { states: ['PENDING'] }, { runAfterMs: 1 }); // resumed late
      await store.change(c, { states: ['PENDING'] }, { state: 'CANCELLED' });
      await store.change(d, { states: ['PENDING'] }, { state: 'RUNNING' });
      await store.change(e, { states: ['PENDING'] }, { state: 'RUNNING' });
      await store.change(e, { states: ['RUNNING'] }, { state: 'CANCELLING' });
      expect(await unfinished()).toEqual([[d], [b, a], [e]]);
      expect(await unfinished(1)).toEqual([[d], [b], [a], [e]]);
    });

    it('takes up every job, however many pages there are and whatever becomes of those of the pages before', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 7; i++) {
        if (i % 3 === 0) clock.advance(1);
        ids.push((await insert()).jobId);
      }
      const taken: string[] = [];
      for await (const page of store.unfinished(2)) {
        taken.push(...page);
        for (const jobId of page) await store.change(jobId, { states: ['PENDING'] }, { state: 'RUNNING' });
      }
      expect(taken).toEqual(ids);
    });

    it('finds the files kept for longer than they should be', async () => {
      const end = async (finishedAt: string, spooled: boolean): Promise<string> => {
        const { jobId } = await insert();
        await store.change(jobId, { states: ['PENDING'] }, { state: 'CANCELLED', finishedAt, spooled });
        return jobId;
      };
      await insert();
      const old = await end('2026-02-01T00:00:00.000Z', true);
      await end('2026-02-01T00:00:00.000Z', false);
      await end('2026-02-03T00:00:00.000Z', true);
      const found = await store.expiredSpools(Date.parse('2026-02-02T00:00:00.000Z'), 10);
      expect(found).toEqual([old]);
    });

    it('knows which revisions batch.jobs lacks, and forgets none that came meanwhile', async () => {
      const a = await insert();
      const b = await insert();
      expect(await store.unpublished(10)).toEqual([a.jobId, b.jobId]);
      expect(await store.unpublished(1)).toEqual([a.jobId]);
      await store.markPublished(
        new Map([
          [a.jobId, 1],
          [b.jobId, 1],
          [newJobId(), 1],
        ]),
      );
      expect(await store.unpublished(10)).toEqual([]);

      expect(await store.bumpRevision(b.jobId)).toMatchObject({ revision: 2, publishedRevision: 1 });
      await store.markPublished(new Map([[b.jobId, 1]]));
      expect(await store.unpublished(10)).toEqual([b.jobId]);
      await store.markPublished(new Map([[b.jobId, 2]]));
      await store.markPublished(new Map([[b.jobId, 1]]));
      expect((await store.get(b.jobId))?.publishedRevision).toBe(2);

      const many = new Map(Array.from({ length: 500 }, () => [newJobId(), 1]));
      const c = await insert();
      await store.markPublished(many.set(c.jobId, 1));
      expect(await store.unpublished(10)).toEqual([]);
    });

    it('shows end offsets for a reconciled end only', async () => {
      const { jobId } = await insert();
      const running = await store.change(
        jobId,
        { states: ['PENDING'] },
        { state: 'RUNNING', checkpoint, checkpointVerified: true },
      );
      expect(toJob(running!, 0).end_offsets).toBeNull();
      const failed = { state: 'FAILED', error: { code: 'KAFKA_UNAVAILABLE', message: 'away' } } as const;
      const unreconciled = await store.change(jobId, { states: ['RUNNING'] }, { ...failed, checkpointVerified: false });
      expect(toJob(unreconciled!, 0)).toMatchObject({
        end_offsets: null,
        totals: { rows: 10, ok: 8, errors: 2 },
        error: { code: 'KAFKA_UNAVAILABLE', message: 'away', hint: expect.stringContaining('resume') },
      });
      const checkpointVerified = await store.updateInternal(
        jobId,
        { states: ['FAILED'] },
        { checkpointVerified: true },
      );
      expect(toJob(checkpointVerified!, 0).end_offsets).toEqual({ data: 9, dlq: 3 });
    });
  });
}
