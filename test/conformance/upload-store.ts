import { randomUUID } from 'node:crypto';
import { FileRows } from '../../src/jobs/store/file-rows.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { RemovalStore } from '../../src/jobs/store/removal-store.js';
import { UploadStore } from '../../src/jobs/store/upload-store.js';
import { ManualClock } from '../jobs/support/manual-clock.js';
import { aJob, insertJob, type StoreFixture } from '../jobs/support/store-fixture.js';

const STALE_MS = 60_000;

/** How files that come in become those of jobs, or of nobody, whatever database their rows are in. */
export function describesUploadStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the uploads in ${name}`, () => {
    let fixture: StoreFixture;
    let store: JobStore;
    let ours: UploadStore;
    let theirs: UploadStore;

    beforeEach(async () => {
      fixture = await open();
      const clock = new ManualClock();
      store = new JobStore(fixture.db, clock);
      ours = new UploadStore(fixture.db, 'we', clock);
      theirs = new UploadStore(fixture.db, 'they', clock);
    });
    afterEach(() => fixture.close());

    async function begin(uploads: UploadStore): Promise<string> {
      const key = randomUUID();
      await uploads.begin(key);
      return key;
    }

    /** All rows were touched this much earlier. */
    async function pass(ms: number): Promise<void> {
      for (const table of ['uploads', 'jobs'] as const) {
        await fixture.db
          .updateTable(table)
          .set((eb) => ({ touched_at: eb('touched_at', '-', ms) }))
          .execute();
      }
    }

    const create = (fileKey: string, owner = 'we', job: Parameters<typeof aJob>[0] = {}) =>
      store.create(aJob({ ...job, fileKey }), owner, { upload: true });

    it('are given up when they were not touched for long, by whoever looks, and each removed once that is long ago', async () => {
      const [slow, dead] = [await begin(ours), await begin(theirs)];
      await pass(STALE_MS - 1_000);
      expect(await ours.abortStale(STALE_MS)).toBe(0);
      expect(await ours.touch([slow, dead])).toEqual(new Set([slow]));
      await pass(2_000);
      expect([await theirs.abortStale(STALE_MS), await ours.abortStale(STALE_MS)]).toEqual([1, 0]);
      expect(await theirs.touch([dead])).toEqual(new Set());
      expect(await ours.aborted(STALE_MS, 10)).toEqual([]);
      await pass(STALE_MS);
      expect(await ours.aborted(STALE_MS, 10)).toEqual([dead]);
      await ours.postpone(dead);
      expect(await ours.aborted(STALE_MS, 10)).toEqual([]);
      await pass(STALE_MS);
      await ours.delete(dead);
      expect(await ours.aborted(STALE_MS, 10)).toEqual([]);
      expect(await ours.touch([slow])).toEqual(new Set([slow]));
    });

    it('of all others are given up at once by a process that is alone', async () => {
      const [own, dead] = [await begin(ours), await begin(theirs)];
      await ours.abortOthers();
      expect(await ours.aborted(STALE_MS, 10)).toEqual([dead]);
      expect(await ours.touch([own, dead])).toEqual(new Set([own]));
    });

    it('become the file of one row of jobs, and no other', async () => {
      const key = await begin(ours);
      const results = await Promise.all([create(key), create(key), create(key)]);
      expect(results.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      expect(await ours.touch([key])).toEqual(new Set());
    });

    it('that were given up become no job, and leave no row of one', async () => {
      const key = await begin(ours);
      await pass(STALE_MS + 1_000);
      await theirs.abortStale(STALE_MS);
      expect(await create(key, 'we', { idempotencyKey: 'k' })).toEqual({ kind: 'upload_lost' });
      const fresh = await begin(ours);
      expect(await create(fresh, 'they')).toEqual({ kind: 'upload_lost' });
      expect(await create(fresh, 'we', { idempotencyKey: 'k' })).toEqual({ kind: 'created' });
    });

    it('lose against the sweep, or win, but never both', async () => {
      for (let round = 0; round < 20; round++) {
        const key = await begin(ours);
        await pass(STALE_MS + 1_000);
        const [{ kind }, aborted] = await Promise.all([create(key), theirs.abortStale(STALE_MS)]);
        expect([kind, aborted]).toEqual(aborted === 1 ? ['upload_lost', 1] : ['created', 0]);
      }
    });

    it('stay uploads where the id or the Idempotency-Key of the job is taken', async () => {
      const { jobId } = await insertJob(store, { idempotencyKey: 'k' });
      const key = await begin(ours);
      expect(await create(key, 'we', { jobId })).toEqual({ kind: 'id_taken' });
      expect(await create(key, 'we', { idempotencyKey: 'k' })).toMatchObject({ kind: 'key_taken', record: { jobId } });
      expect(await ours.touch([key])).toEqual(new Set([key]));
    });

    it('are uploads again when the creation is given up, for the next one', async () => {
      const key = await begin(ours);
      const [first, second] = [
        aJob({ idempotencyKey: 'k', fileKey: key }),
        aJob({ idempotencyKey: 'k', fileKey: key }),
      ];
      await store.create(first, 'we', { upload: true });
      expect(await store.abort(first.jobId, 'they', key)).toBe(false);
      expect(await store.abort(first.jobId, 'we', key)).toBe(true);
      expect(await ours.touch([key])).toEqual(new Set([key]));
      expect(await store.create(second, 'we', { upload: true })).toEqual({ kind: 'created' });
      expect(await store.activate(second.jobId, 'we')).toMatchObject({ fileKey: key });
      // The row that is to be removed does not take the file with it.
      const [removal, ...others] = await new RemovalStore(fixture.db).list(0, 10);
      expect([removal, others]).toEqual([expect.objectContaining({ jobId: first.jobId, fileKey: null }), []]);
    });

    it('whose job is not created for long are given up with it, and their Idempotency-Key is free', async () => {
      const [slow, dead] = [await begin(ours), await begin(theirs)];
      const [mine, other] = [aJob({ fileKey: slow }), aJob({ fileKey: dead, idempotencyKey: 'k' })];
      await store.create(mine, 'we', { upload: true });
      await store.create(other, 'they', { upload: true });
      await pass(STALE_MS - 1_000);
      expect(await store.abortCreations('we', [mine.jobId], STALE_MS)).toBe(0);
      await store.touchCreations('we', [mine.jobId, other.jobId]);
      await pass(2_000);
      expect(await store.abortCreations('nobody', [], STALE_MS)).toBe(1);
      expect(await store.activate(other.jobId, 'they')).toBeUndefined();
      expect(await store.abort(other.jobId, 'they', dead)).toBe(false);
      expect(await store.activate(mine.jobId, 'we')).toBeDefined();
      const [removal] = await new RemovalStore(fixture.db).list(0, 10);
      expect(removal).toMatchObject({ jobId: other.jobId, fileKey: dead, phase: 'ABORTED' });
      expect(await create(await begin(ours), 'we', { idempotencyKey: 'k' })).toEqual({ kind: 'created' });
    });

    it('know which row has which file, and which files nobody needs', async () => {
      const rows = new FileRows(fixture.db);
      const [kept, over] = [await insertJob(store), await insertJob(store, { fileKey: randomUUID() })];
      const finishedAt = '2026-03-01T12:00:00.000Z';
      for (const { jobId } of [kept, over]) await store.updateInternal(jobId, { states: ['PENDING'] }, { finishedAt });
      await store.updateInternal(over.jobId, { states: ['PENDING'] }, { spooled: false });
      expect(await rows.keysOf([kept.jobId, over.jobId, 'unknown0'])).toEqual(
        new Map([kept, over].map(({ jobId, fileKey }) => [jobId, fileKey])),
      );
      expect([await rows.holderOf(over.fileKey), await rows.holderOf('unknown')]).toEqual([over.jobId, undefined]);
      const end = Date.parse(finishedAt);
      expect([await rows.left(end, 10), await rows.left(end + 1, 10)]).toEqual([[], [over.fileKey]]);
      await rows.markGone([over.fileKey]);
      expect(await rows.left(end + 1, 10)).toEqual([]);
    });
  });
}
