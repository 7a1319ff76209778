import { ExpiryStore } from '../../../src/jobs/store/expiry-store.js';
import { FileRows } from '../../../src/jobs/store/file-rows.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { RemovalStore } from '../../../src/jobs/store/removal-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { QueryPlans } from '../support/query-plans.js';
import { aJob, insertJob, openStore, type StoreFixture } from '../support/store-fixture.js';

describe('the queries of the job store', () => {
  let fixture: StoreFixture;
  let plans: QueryPlans;
  let store: JobStore;
  let removals: RemovalStore;
  let ages: ExpiryStore;
  let files: FileRows;

  beforeEach(async () => {
    fixture = await openStore();
    plans = new QueryPlans(fixture.db);
    const { db } = plans;
    store = new JobStore(db, new ManualClock());
    removals = new RemovalStore(db);
    ages = new ExpiryStore(db);
    files = new FileRows(db);
  });
  afterEach(() => fixture.close());

  const planOf = (ask: () => Promise<unknown>): Promise<string[]> => plans.of(ask);

  async function allUnfinished(): Promise<void> {
    for await (const page of store.unfinished(1)) expect(page).toHaveLength(1);
  }

  /** Lines that visit every job. An index of few jobs only, and the list of a statement, may be read from end to end. */
  function scans(plan: readonly string[]): string[] {
    return plan.filter((line) =>
      /^SCAN (?!jobs USING (COVERING )?INDEX (jobs_unpublished|jobs_unseen))(?!CONSTANT|next$|marks$|ours$|behind$|front$|busy$|heads$|candidate$)/.test(
        line,
      ),
    );
  }

  it('that come again and again visit no job but those that they are about', async () => {
    const job = await insertJob(store);
    const revisions = new Map([[job.jobId, 1]]);
    const asked: [string, () => Promise<unknown>][] = [
      ['create', () => store.create(aJob(), 'a process')],
      ['activate', () => store.activate(job.jobId, 'a process')],
      ['abortCreations', () => store.abortCreations('a process', [job.jobId], 30_000)],
      ['removals', () => removals.list(0, 10)],
      ['get', () => store.get(job.jobId)],
      ['findByIdempotencyKey', () => store.findByIdempotencyKey('key')],
      ['change', () => store.change(job.jobId, { states: ['PENDING'] }, { bytesDone: 1 })],
      ['markPublished', () => store.markPublished(revisions)],
      ['unpublished', () => store.unpublished(10)],
      ['unfinished', () => allUnfinished()],
      ['claim', () => store.claim('run', 'me')],
      ['claim to reconcile', () => store.claim('reconcile', 'me')],
      ['release', () => store.release(job)],
      ['touchCreations', () => store.touchCreations('a process', [job.jobId])],
      ['keysOf', () => files.keysOf([job.jobId])],
      ['holderOf', () => files.holderOf(job.fileKey)],
      ['left', () => files.left(0, 10)],
      ['markGone', () => files.markGone([job.fileKey])],
      ['releaseAll', () => store.releaseAll()],
      ['hasten', () => store.hasten([job.jobId], 1)],
      ['expiredSpools', () => store.expiredSpools(0, 10)],
      ['markSeen', () => ages.markSeen(1, 10)],
      ['expired', () => ages.expired(0, 1, 0, 10)],
      ['withTopics', () => ages.withTopics(0, 5, 10)],
      ['list by state', () => store.list({ limit: 10, state: 'FAILED', cursor: '5' })],
      ['list by model', () => store.list({ limit: 10, modelId: 'orders', cursor: '5' })],
      ['list by both', () => store.list({ limit: 10, state: 'FAILED', modelId: 'orders', cursor: '5' })],
      ['list resumable', () => store.list({ limit: 10, state: 'FAILED', resumable: true, cursor: '5' })],
      ['list', () => store.list({ limit: 10, cursor: '5' })],
    ];
    for (const [name, ask] of asked) expect([name, scans(await planOf(ask))]).toEqual([name, []]);
  });

  it('find unpublished jobs by the index that holds no others, and lists by their filters', async () => {
    expect(await planOf(() => store.unpublished(10))).toEqual(['SCAN jobs USING INDEX jobs_unpublished']);
    const [plan] = await planOf(() => store.list({ limit: 10, state: 'FAILED', modelId: 'orders' }));
    expect(plan).toContain('jobs_by_model_state (model_id=? AND state=? AND seq<?)');
  });

  it('find the next job to claim, and those that wait, by the index that holds no others', async () => {
    await insertJob(store);
    for (const intent of ['run', 'reconcile'] as const) {
      const plan = (await planOf(() => store.claim(intent, 'me'))).join('\n');
      expect(plan).toMatch(/jobs_due \(state=\? AND run_after<\?\)/);
      expect(/jobs_failing \(state=\? AND run_after<\?\)/.test(plan)).toBe(intent === 'reconcile');
      // The models one after the other, if those of the oldest jobs are all busy.
      expect(/jobs_waiting \(state=\? AND model_id>\?\)/.test(plan)).toBe(intent === 'run');
    }
    await store.release((await store.list({ limit: 1 })).items[0]!);
    const waiting = await planOf(() => allUnfinished());
    expect(waiting).toContain('SEARCH jobs USING INDEX jobs_due (state=? AND (run_after,seq)>(?,?))');
    for (const plan of waiting) expect(plan).toMatch(/INDEX jobs_(due|failing) \(state=/);
  });

  it('find jobs whose age counts by the indexes that hold no others', async () => {
    expect(await planOf(() => ages.markSeen(1, 10))).toContain('SCAN jobs USING INDEX jobs_unseen');
    const [plan, ...sorting] = await planOf(() => ages.expired(0, 1, 0, 10));
    const ofSinks = ['CORRELATED SCALAR SUBQUERY 1', expect.stringContaining('SEARCH sink_loads USING INDEX')];
    expect([plan, sorting]).toEqual([expect.stringContaining('jobs_aging (spooled=? AND finished_at<?)'), ofSinks]);
    expect(await planOf(() => ages.withTopics(0, 5, 10))).toEqual(['SEARCH jobs USING INDEX jobs_with_topics (seq>?)']);
    expect(await planOf(() => removals.areThere(10))).toEqual(['SCAN jobs USING COVERING INDEX jobs_with_topics']);
  });
});
