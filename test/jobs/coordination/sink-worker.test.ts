import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { DEFAULT_OPTIONS, type SinkWhen } from '../../../src/ingest/index.js';
import { SinkWorker } from '../../../src/jobs/coordination/sink-worker.js';
import type { StoredJob } from '../../../src/jobs/domain/stored-job.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { SinkStore } from '../../../src/jobs/store/sink-store.js';
import { Metrics } from '../../../src/observability/metrics/index.js';
import { NO_TRACING } from '../../../src/observability/tracing/index.js';
import type { SinkOutcome, SinkReject } from '../../../src/sinks/index.js';
import { aCheckpoint } from '../support/jobs-harness.js';
import { ManualClock } from '../support/manual-clock.js';
import { ScriptedSink } from '../support/scripted-sink.js';
import { insertJob, openStore, type StoreFixture } from '../support/store-fixture.js';

const AWAY: SinkOutcome = { kind: 'failed', code: 'SINK_UNAVAILABLE', detail: 'away', isDown: true };
const REJECT: SinkReject = {
  ...{ offset: 4, rowNumber: 5, column: 'id', type: 'Int32', error: 'OUT_OF_RANGE', observed: '1' },
  ...{ message: 'too large', raw: '{}', rawTruncated: false },
};

describe('the worker of a sink', () => {
  let fixture: StoreFixture;
  let clock: ManualClock;
  let jobs: JobStore;
  let sinks: SinkStore;
  let sink: ScriptedSink;
  let worker: SinkWorker;
  let published: StoredJob[];
  /** Every call of the store of loads fails. */
  let isStoreAway: boolean;

  beforeEach(async () => {
    fixture = await openStore();
    clock = new ManualClock();
    jobs = new JobStore(fixture.db, clock);
    sinks = new SinkStore(fixture.db, clock);
    published = [];
    isStoreAway = false;
    worker = newWorker();
  });
  afterEach(async () => {
    isStoreAway = false;
    await stopped(worker.stop());
    await fixture.close();
  });

  function newWorker({ concurrency = 1, isAlone = true } = {}): SinkWorker {
    const failing = new Proxy(sinks, {
      get(store, name: keyof SinkStore) {
        const member = store[name];
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) =>
          isStoreAway
            ? Promise.reject(new Error('away'))
            : (member as (...all: unknown[]) => unknown).apply(store, args);
      },
    });
    return new SinkWorker({
      metrics: new Metrics({ version: 'test', role: 'all' }),
      tracing: NO_TRACING,
      name: 'postgres',
      startProcess: (events) => {
        sink = new ScriptedSink(events);
        return sink;
      },
      sinks: failing,
      jobs,
      models: fixture.models,
      publish: (job) => void published.push(job),
      owner: 'this process',
      clock,
      log: pino({ level: 'silent' }),
      concurrency,
      isAlone,
      random: () => 0,
    });
  }

  /** Everything that was set going is done. */
  async function quiet(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      await fixture.db.selectFrom('sink_loads').select('job_id').limit(1).execute();
      await nextTurn();
    }
  }

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      clock.advance(Math.min(1_000, left));
      await quiet();
    }
  }

  /** A stop waits by the clock. */
  async function stopped(stopping: Promise<void>): Promise<void> {
    let isDone = false;
    const done = stopping.then(() => {
      isDone = true;
    });
    for (let turn = 0; !isDone && turn < 1_000; turn++) {
      clock.advance(20);
      await quiet();
    }
    await done;
  }

  async function insert(changes: { state?: string; when?: SinkWhen; ok?: number } = {}): Promise<string> {
    const { state = 'SUCCESS', when: sinkWhen = 'success', ok = 10 } = changes;
    const { jobId } = await insertJob(jobs, { options: { ...DEFAULT_OPTIONS, sinks: ['postgres'], sinkWhen } });
    await become(jobId, state, ok);
    if (state === 'SUCCESS') await sinks.wake(jobId);
    return jobId;
  }

  async function become(jobId: string, state: string, ok: number): Promise<void> {
    const checkpoint = ok === 0 ? null : JSON.stringify(aCheckpoint(ok, 0, state === 'SUCCESS'));
    await fixture.db.updateTable('jobs').set({ state, checkpoint }).where('job_id', '=', jobId).execute();
  }

  async function started(...given: Parameters<typeof insert>): Promise<string> {
    const jobId = await insert(...given);
    await worker.start();
    await quiet();
    return jobId;
  }

  const load = async (jobId: string) => (await sinks.get({ jobId, name: 'postgres' }))!;
  const lastState = (jobId: string) => published.filter((job) => job.jobId === jobId).at(-1)?.sinks[0];

  it('gives a job that has ended to its process, stores how far that is, and its end', async () => {
    const jobId = await started();
    const assignment = sink.assignments.get(jobId)!;
    expect(assignment).toMatchObject({
      ...{ intent: 'load', isWhole: true, checkpoint: aCheckpoint(10, 0, true) },
      job: { jobId, modelId: 'orders', load: 1, topics: { data: `batch_${jobId}` }, columns: [{ name: 'id' }] },
      summary: { state: 'SUCCESS', rows: 10, ok: 10, errors: 0 },
    });
    sink.report(jobId, { rows: 4, rejected: 1, rejects: [REJECT] });
    await quiet();
    expect(sink.stored).toEqual([jobId]);
    expect(lastState(jobId)).toMatchObject({ state: 'LOADING', rows: 4, rejected: 1, table: 'orders' });
    const [stored] = await sinks.rejects(jobId, null, 10);
    expect(JSON.parse(stored!.value)).toMatchObject({ stage: 'sink:postgres', row_number: 5, error: 'OUT_OF_RANGE' });
    sink.finish(jobId, { kind: 'loaded' });
    await quiet();
    expect(lastState(jobId)).toMatchObject({ state: 'LOADED', rows: 4, rejected: 1, error: null });
    expect(await sinks.holds(await load(jobId))).toBe(false);
    await pass(60_000);
    expect(sink.taken).toEqual([jobId]);
  });

  it('has as many loads at once as it may, and takes the next one when one is done', async () => {
    worker = newWorker({ concurrency: 2 });
    const [a, b, c] = [await insert(), await insert(), await insert()];
    await worker.start();
    await quiet();
    expect(sink.assignments.size).toBe(2);
    const [first] = sink.taken as [string];
    sink.finish(first, { kind: 'loaded' });
    await quiet();
    expect([...sink.taken].sort()).toEqual([a, b, c].sort());
    expect(sink.assignments.size).toBe(2);
  });

  it('stores reports without rejected rows once a second, and answers the others if the load is still its own', async () => {
    const jobId = await started();
    for (let rows = 1; rows <= 5; rows++) {
      sink.report(jobId, { rows });
      await quiet();
    }
    expect(sink.stored).toHaveLength(5);
    expect(published.map((job) => job.sinks[0]?.rows)).toEqual([1]);
    clock.advance(1_000);
    sink.report(jobId, { rows: 6 });
    await quiet();
    expect(published.map((job) => job.sinks[0]?.rows)).toEqual([1, 6]);
  });

  it('keeps a load for as long as it takes', async () => {
    const jobId = await started();
    await pass(120_000);
    expect([sink.left, sink.taken]).toEqual([[], [jobId]]);
    expect(await sinks.holds(await load(jobId))).toBe(true);
  });

  it('leaves a load that its user has taken away, and stores nothing more of it', async () => {
    const jobId = await started();
    await sinks.change({ jobId, name: 'postgres' }, {}, { state: 'REMOVING', leaseOwner: null, runAfterMs: 0 });
    sink.isObedient = false;
    worker.wake(jobId);
    clock.advance(0);
    await quiet();
    expect(sink.left).toEqual([jobId]);
    sink.report(jobId, { rows: 9 });
    sink.finish(jobId, { kind: 'loaded' });
    await quiet();
    expect(await load(jobId)).toMatchObject({ state: 'REMOVING', rows: 0, lease: 2 });
    expect(sink.assignments.get(jobId)).toMatchObject({ intent: 'remove', job: { load: 1 } });
    sink.finish(jobId, { kind: 'removed' });
    await quiet();
    expect(lastState(jobId)).toMatchObject({ state: 'REMOVED', rows: 0, rejected: 0 });
    expect(await load(jobId)).toMatchObject({ load: 2 });
  });

  it('leaves a load whose lease is another process’s by now, also between two reports that are stored', async () => {
    const jobId = await started();
    sink.report(jobId, { rows: 1 });
    await quiet();
    await fixture.db.updateTable('sink_loads').set({ lease_token: 'another', lease_owner: 'another' }).execute();
    sink.report(jobId, { rows: 2 });
    await quiet();
    expect([sink.stored, sink.left]).toEqual([[jobId], [jobId]]);
    const row = await fixture.db.selectFrom('sink_loads').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ lease_owner: 'another', rows: 1, state: 'LOADING' });
  });

  it('takes over the loads of a process that is gone', async () => {
    worker = newWorker({ isAlone: false });
    const jobId = await insert();
    await sinks.claim('postgres', 'a process that is gone');
    await worker.start();
    await pass(29_000);
    expect(sink.taken).toEqual([]);
    await pass(20_000);
    expect(sink.taken).toEqual([jobId]);
  });

  it('takes up at its start what an earlier start had, if no other process can have it', async () => {
    const jobId = await insert();
    await sinks.claim('postgres', 'an earlier start');
    await worker.start();
    await quiet();
    expect(sink.taken).toEqual([jobId]);
  });

  describe('whose process is lost', () => {
    it('tries the load again at once if somebody killed it, however often', async () => {
      const jobId = await started();
      for (let time = 1; time <= 5; time++) {
        sink.exit({ crash: false, detail: 'SIGKILL' });
        await quiet();
        expect(sink.taken).toHaveLength(time + 1);
      }
      expect(await load(jobId)).toMatchObject({ state: 'PENDING', failures: 0 });
    });

    it('gives up a load with which it has crashed three times in a row, though it was opened each time', async () => {
      const jobId = await started();
      for (let time = 1; time <= 3; time++) {
        expect(sink.taken).toHaveLength(time);
        sink.report(jobId);
        await quiet();
        sink.exit({ crash: true, detail: 'SIGSEGV' });
        await quiet();
        await pass(4_000);
      }
      expect(lastState(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'SINK_CRASHED' } });
      await pass(120_000);
      expect(sink.taken).toHaveLength(3);
    });

    it('finds out which of several loads it crashes with, and counts it against that one alone', async () => {
      await stopped(worker.stop());
      worker = newWorker({ concurrency: 2 });
      const [good, bad] = [await insert(), await insert()];
      await worker.start();
      await quiet();
      expect(sink.assignments.size).toBe(2);
      sink.exit({ crash: true, detail: 'SIGSEGV' });
      for (let turn = 0; turn < 12 && (await load(bad)).state !== 'FAILED'; turn++) {
        await pass(5_000);
        expect(sink.assignments.size).toBeLessThan(2);
        if (sink.assignments.has(bad)) sink.exit({ crash: true, detail: 'SIGSEGV' });
        else if (sink.assignments.has(good)) sink.finish(good, { kind: 'loaded' });
      }
      await quiet();
      expect([(await load(good)).state, (await load(bad)).error?.code]).toEqual(['LOADED', 'SINK_CRASHED']);
    });

    it('tries a load again that came while it was going', async () => {
      const jobId = await insert();
      await worker.start();
      sink.takes = false;
      await quiet();
      expect(sink.assignments.size).toBe(0);
      sink.takes = true;
      await pass(10_000);
      expect([...sink.assignments.keys()]).toEqual([jobId]);
    });

    it('counts crashes anew once a block was written', async () => {
      const jobId = await started();
      for (let time = 1; time <= 5; time++) {
        sink.report(jobId, { rows: time });
        await quiet();
        sink.exit({ crash: true, detail: 'SIGSEGV' });
        await quiet();
        expect(lastState(jobId)).toMatchObject({ state: 'RETRYING', rows: time });
        await pass(1_000);
        expect(sink.taken).toHaveLength(time + 1);
      }
    });
  });

  describe('whose sink is away', () => {
    it('tries one of many loads only, ever more rarely, and says why', async () => {
      for (let i = 0; i < 20; i++) await insert();
      await worker.start();
      await quiet();
      for (let time = 0; time < 4; time++) {
        const [jobId] = [...sink.assignments.keys()] as [string];
        // It answers, but takes no rows.
        sink.report(jobId);
        await quiet();
        sink.finish(jobId, AWAY);
        await quiet();
        expect(worker.trouble()).toContain('away');
        expect(sink.assignments.size).toBe(0);
        await pass(1_000 * 2 ** time);
        expect(sink.taken).toHaveLength(time + 2);
      }
    });

    it('goes on with all when one has got through', async () => {
      worker = newWorker({ concurrency: 3 });
      for (let i = 0; i < 5; i++) await insert();
      await worker.start();
      await quiet();
      for (const jobId of sink.assignments.keys()) sink.finish(jobId, AWAY);
      await quiet();
      await pass(1_000);
      expect(sink.assignments.size).toBe(1);
      const [jobId] = [...sink.assignments.keys()] as [string];
      sink.report(jobId, { rows: 1 });
      sink.finish(jobId, { kind: 'loaded' });
      await quiet();
      expect(worker.trouble()).toBeNull();
      expect(sink.assignments.size).toBe(3);
    });

    it('takes a removal that has got through for a sign that it is back', async () => {
      const jobId = await started();
      sink.finish(jobId, AWAY);
      await quiet();
      await sinks.change({ jobId, name: 'postgres' }, {}, { state: 'REMOVING', leaseOwner: null, runAfterMs: 0 });
      await pass(1_000);
      sink.finish(jobId, { kind: 'removed' });
      await quiet();
      expect(worker.trouble()).toBeNull();
    });
  });

  describe('of a job that is loaded while it runs', () => {
    it('waits for its first rows, looks again while it runs, and loads the rest at its end', async () => {
      const jobId = await insert({ state: 'RUNNING', when: 'streaming', ok: 0 });
      await sinks.wake(jobId);
      await worker.start();
      await quiet();
      expect(sink.taken).toEqual([]);
      await become(jobId, 'RUNNING', 5);
      await pass(1_000);
      expect(sink.assignments.get(jobId)).toMatchObject({ isWhole: false, checkpoint: null });
      sink.report(jobId, { rows: 3 });
      sink.finish(jobId, { kind: 'waiting' });
      await quiet();
      expect(lastState(jobId)).toMatchObject({ state: 'PENDING', rows: 3 });
      await pass(1_000);
      expect(sink.taken).toHaveLength(2);
      await become(jobId, 'SUCCESS', 8);
      sink.finish(jobId, { kind: 'waiting' });
      await quiet();
      expect(sink.assignments.get(jobId)).toMatchObject({ isWhole: true, checkpoint: aCheckpoint(8, 0, true) });
    });

    it('waits for somebody who resumes it when it has failed', async () => {
      const jobId = await insert({ state: 'RUNNING', when: 'streaming', ok: 5 });
      await sinks.wake(jobId);
      await worker.start();
      await quiet();
      await become(jobId, 'FAILED', 5);
      sink.finish(jobId, { kind: 'waiting' });
      await pass(60_000);
      expect(sink.taken).toHaveLength(1);
      await become(jobId, 'SUCCESS', 8);
      await sinks.wake(jobId);
      worker.wake(jobId);
      await quiet();
      expect(sink.taken).toHaveLength(2);
    });
  });

  it('waits with a load for the end of its job', async () => {
    const jobId = await insert({ state: 'RUNNING' });
    await sinks.updateInternal({ jobId, name: 'postgres' }, {}, { runAfterMs: 0 });
    await worker.start();
    await pass(20_000);
    expect(sink.taken).toEqual([]);
    await become(jobId, 'SUCCESS', 5);
    await sinks.wake(jobId);
    worker.wake(jobId);
    await quiet();
    expect(sink.taken).toEqual([jobId]);
  });

  it('forgets a load whose job is purged meanwhile', async () => {
    const jobId = await started();
    expect(await jobs.purge((await jobs.get(jobId))!)).toBe(true);
    sink.report(jobId, { rows: 5 });
    await quiet();
    expect([sink.stored, sink.left]).toEqual([[], [jobId]]);
    await pass(120_000);
    expect(published).toEqual([]);
    expect(await load(jobId)).toMatchObject({ state: 'PENDING', rows: 0 });
  });

  describe('whose store fails', () => {
    it('has the load left when a report cannot be stored, and goes on when the store is back', async () => {
      const jobId = await started();
      isStoreAway = true;
      sink.report(jobId, { rows: 5, rejected: 1, rejects: [REJECT] });
      await quiet();
      expect([sink.stored, sink.left]).toEqual([[], [jobId]]);
      isStoreAway = false;
      await pass(60_000);
      expect(sink.taken).toHaveLength(2);
      sink.report(jobId, { rows: 5, rejected: 1, rejects: [REJECT] });
      sink.finish(jobId, { kind: 'loaded' });
      await quiet();
      expect(lastState(jobId)).toMatchObject({ state: 'LOADED', rows: 5, rejected: 1 });
    });

    it('lets another try the sink when a probe ends meanwhile', async () => {
      const jobId = await started();
      sink.finish(jobId, AWAY);
      await pass(2_000);
      expect(sink.assignments.has(jobId)).toBe(true);
      const get = jobs.get.bind(jobs);
      jobs.get = () => Promise.reject(new Error('away'));
      sink.finish(jobId, AWAY);
      await quiet();
      jobs.get = get;
      await pass(10_000);
      expect(sink.assignments.has(jobId)).toBe(true);
    });

    it('has the load done once more when its end cannot be stored', async () => {
      const jobId = await started();
      isStoreAway = true;
      sink.finish(jobId, { kind: 'loaded' });
      await quiet();
      isStoreAway = false;
      await pass(10_000);
      expect(sink.taken).toEqual([jobId, jobId]);
    });

    it('claims again when it is back', async () => {
      await worker.start();
      await quiet();
      isStoreAway = true;
      const jobId = await insert();
      worker.wake(jobId);
      await pass(3_000);
      expect(sink.taken).toEqual([]);
      isStoreAway = false;
      await pass(1_000);
      expect(sink.taken).toEqual([jobId]);
    });
  });

  describe('that is stopped', () => {
    it('has its loads left, and gives them back', async () => {
      const jobId = await started();
      await stopped(worker.stop());
      expect([sink.left, sink.isStopped]).toEqual([[jobId], true]);
      expect(await sinks.claim('postgres', 'another')).toBeUndefined();
      clock.advance(1_000);
      expect(await sinks.claim('postgres', 'another')).toMatchObject({ jobId });
    });

    it('gives back at once what its process does not leave in time', async () => {
      const jobId = await started();
      sink.isObedient = false;
      await stopped(worker.stop());
      expect(await sinks.claim('postgres', 'another')).toMatchObject({ jobId, state: 'PENDING' });
    });

    it('takes nothing any more', async () => {
      await worker.start();
      await stopped(worker.stop());
      await insert();
      worker.wake();
      await pass(30_000);
      expect(sink.taken).toEqual([]);
    });
  });
});
