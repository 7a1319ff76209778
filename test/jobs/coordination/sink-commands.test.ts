import { ServiceError } from '../../../src/errors/index.js';
import { DEFAULT_OPTIONS, type SinkName, type SinkWhen } from '../../../src/ingest/index.js';
import { SinkCommands } from '../../../src/jobs/coordination/sink-commands.js';
import type { StoredJob } from '../../../src/jobs/domain/stored-job.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { SinkStore } from '../../../src/jobs/store/sink-store.js';
import { protocolError } from '../../../src/kafka/kafka-failure.js';
import type { JobTopics } from '../../../src/kafka/names.js';
import type { JobTopicEnds } from '../../../src/kafka/topics.js';
import { aCheckpoint } from '../support/jobs-harness.js';
import { ManualClock } from '../support/manual-clock.js';
import { insertJob, openStore, type StoreFixture } from '../support/store-fixture.js';

const LEADER_NOT_AVAILABLE = 5;

describe('the commands about sinks', () => {
  let fixture: StoreFixture;
  let jobs: JobStore;
  let sinks: SinkStore;
  let commands: SinkCommands;
  let published: StoredJob[];
  let woken: string[];
  /** Whether the topics hold all rows. */
  let holds: boolean | Error;
  let asked: [JobTopics, JobTopicEnds][];

  beforeEach(async () => {
    fixture = await openStore();
    const clock = new ManualClock();
    jobs = new JobStore(fixture.db, clock);
    sinks = new SinkStore(fixture.db, clock);
    [published, woken, holds, asked] = [[], [], true, []];
    commands = newCommands(['clickhouse', 'postgres']);
  });
  afterEach(() => fixture.close());

  function newCommands(configured: readonly SinkName[], lineage = true): SinkCommands {
    return new SinkCommands({
      jobs,
      sinks,
      topics: {
        async holdsAllRecords(names, ends) {
          asked.push([names, ends]);
          if (holds instanceof Error) throw holds;
          return holds;
        },
      },
      notifier: { notify: (jobId) => void woken.push(jobId) },
      publish: (job) => void published.push(job),
      config: { urls: new Map(configured.map((name) => [name, 'http://127.0.0.1'])), lineage },
    });
  }

  async function insert(state = 'SUCCESS', names: SinkName[] = ['postgres'], sinkWhen: SinkWhen = 'success') {
    const { jobId } = await insertJob(jobs, { options: { ...DEFAULT_OPTIONS, sinks: names, sinkWhen } });
    const checkpoint = JSON.stringify(aCheckpoint(8, 2, true));
    await fixture.db.updateTable('jobs').set({ state, checkpoint }).where('job_id', '=', jobId).execute();
    return jobId;
  }

  /** The load of a job in PostgreSQL is like this. */
  async function become(jobId: string, changes: Parameters<SinkStore['change']>[2]): Promise<void> {
    await sinks.change({ jobId, name: 'postgres' }, {}, changes);
  }

  async function codeOf(command: Promise<unknown>): Promise<string> {
    const error = await command.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    return error instanceof ServiceError ? error.code : String(error);
  }

  it('list what is configured, with the loads in each state and the newest error', async () => {
    const error = { code: 'SINK_UNAVAILABLE', message: 'away' } as const;
    const [a, b] = [await insert(), await insert()];
    await insert();
    await become(a, { state: 'RETRYING', error });
    await become(b, { state: 'LOADED' });
    const none = { pending: 0, loading: 0, retrying: 0, failed: 0, removing: 0, error: null };
    expect(await newCommands(['postgres']).list()).toEqual([
      { ...none, name: 'postgres', pending: 1, retrying: 1, error },
    ]);
    expect(await commands.list()).toMatchObject([{ ...none, name: 'clickhouse' }, { name: 'postgres' }]);
    const [gone] = await newCommands([]).list();
    expect(gone).toMatchObject({ name: 'postgres', pending: 1, error: { code: 'SINK_NOT_CONFIGURED' } });
  });

  describe('that add sinks', () => {
    it('make loads that are due, and tell of it', async () => {
      const jobId = await insert('SUCCESS', []);
      const job = await commands.add(jobId, ['postgres', 'clickhouse']);
      expect(job.sinks).toMatchObject([{ name: 'clickhouse', state: 'PENDING' }, { name: 'postgres' }]);
      expect([published.at(-1), new Set(woken)]).toEqual([job, new Set([jobId])]);
      expect((await sinks.claim('clickhouse', 'me'))?.jobId).toBe(jobId);
      expect(asked).toMatchObject([[{ data: `batch_${jobId}` }, { data: 9, dlq: 3 }]]);
    });

    it('begin another generation where rows were removed', async () => {
      const jobId = await insert();
      await become(jobId, { state: 'REMOVED', load: 2, runAfterMs: null });
      expect((await commands.add(jobId, ['postgres'])).sinks).toMatchObject([{ state: 'PENDING' }]);
      expect(await sinks.claim('postgres', 'me')).toMatchObject({ jobId, load: 2 });
    });

    it('are refused, and change nothing, if one of them is there or is not configured', async () => {
      const jobId = await insert();
      expect(await codeOf(commands.add(jobId, ['clickhouse', 'postgres']))).toBe('SINK_STATE_CONFLICT');
      expect(await codeOf(newCommands(['postgres']).add(jobId, ['clickhouse']))).toBe('SINK_NOT_CONFIGURED');
      expect(await codeOf(commands.add('zzzzzzzz', ['postgres']))).toBe('JOB_NOT_FOUND');
      expect(await sinks.get({ jobId, name: 'clickhouse' })).toBeUndefined();
      expect([published, woken]).toEqual([[], []]);
    });

    it('are refused if the topics have lost rows, or if that cannot be found out', async () => {
      const jobId = await insert('SUCCESS', []);
      holds = false;
      expect(await codeOf(commands.add(jobId, ['postgres']))).toBe('SINK_EXPIRED');
      holds = protocolError(LEADER_NOT_AVAILABLE, 'ListOffsets');
      expect(await codeOf(commands.add(jobId, ['postgres']))).toBe('KAFKA_UNAVAILABLE');
      expect(await sinks.get({ jobId, name: 'postgres' })).toBeUndefined();
    });

    it('do not ask for the rows of a job that is under way', async () => {
      const jobId = await insert('RUNNING', [], 'streaming');
      holds = false;
      await commands.add(jobId, ['postgres']);
      expect(await sinks.claim('postgres', 'me')).toMatchObject({ jobId, when: 'streaming' });
    });

    it('make one load if two of them come at once', async () => {
      const jobId = await insert('SUCCESS', []);
      const codes = await Promise.all([1, 2].map(() => codeOf(commands.add(jobId, ['postgres']))));
      expect(codes.sort()).toEqual(['SINK_STATE_CONFLICT', 'null']);
    });
  });

  describe('that try again', () => {
    it.each(['FAILED', 'RETRYING'] as const)('make a load that is %s due, whoever has it', async (state) => {
      const jobId = await insert();
      await sinks.wake(jobId);
      const held = (await sinks.claim('postgres', 'a worker'))!;
      const error = { code: 'SINK_UNAVAILABLE', message: 'away' } as const;
      await become(jobId, { state, error, failures: 5, rows: 3, runAfterMs: 60_000 });
      const job = await commands.retry(jobId, 'postgres');
      expect(job.sinks).toMatchObject([{ state: 'PENDING', error: null, rows: 3 }]);
      expect([published, woken]).toEqual([[job], [jobId]]);
      expect(await sinks.holds(held)).toBe(false);
      expect(await sinks.claim('postgres', 'me')).toMatchObject({ jobId, failures: 0, load: 1 });
    });

    it.each(['PENDING', 'LOADING', 'LOADED', 'REMOVING', 'REMOVED'] as const)(
      'are refused if it is %s',
      async (state) => {
        const jobId = await insert();
        await become(jobId, { state });
        expect(await codeOf(commands.retry(jobId, 'postgres'))).toBe('SINK_STATE_CONFLICT');
      },
    );

    it('are refused of a load that is not there', async () => {
      const jobId = await insert();
      expect(await codeOf(commands.retry(jobId, 'clickhouse'))).toBe('SINK_NOT_FOUND');
      expect(await codeOf(commands.retry('zzzzzzzz', 'postgres'))).toBe('JOB_NOT_FOUND');
    });
  });

  describe('that remove', () => {
    it.each(['PENDING', 'LOADING', 'LOADED', 'RETRYING', 'FAILED'] as const)(
      'take a load that is %s from whoever has it, and make its removal due',
      async (state) => {
        const jobId = await insert();
        await sinks.wake(jobId);
        const held = (await sinks.claim('postgres', 'a worker'))!;
        await become(jobId, { state, runAfterMs: null });
        const job = await commands.remove(jobId, 'postgres');
        expect(job.sinks).toMatchObject([{ state: 'REMOVING', error: null }]);
        expect([published, woken]).toEqual([[job], [jobId]]);
        expect(await sinks.holds(held)).toBe(false);
        expect(await sinks.claim('postgres', 'me')).toMatchObject({ jobId, state: 'REMOVING', load: 1 });
      },
    );

    it.each(['REMOVING', 'REMOVED'] as const)('change nothing if it is %s', async (state) => {
      const jobId = await insert();
      await become(jobId, { state });
      expect((await commands.remove(jobId, 'postgres')).sinks).toMatchObject([{ state }]);
      expect([published, woken]).toEqual([[], []]);
    });

    it('need no sink to take a load back that was never begun', async () => {
      const jobId = await insert('SUCCESS', ['postgres']);
      expect((await newCommands([]).remove(jobId, 'postgres')).sinks).toMatchObject([{ state: 'REMOVED' }]);
      expect(await sinks.claim('postgres', 'me')).toBeUndefined();
    });

    it('are refused while the job is under way, and where it is not known which rows came with it', async () => {
      const running = await insert('RUNNING');
      expect(await codeOf(commands.remove(running, 'postgres'))).toBe('SINK_STATE_CONFLICT');
      const jobId = await insert('SUCCESS', ['clickhouse', 'postgres']);
      const withoutLineage = newCommands(['clickhouse', 'postgres'], false);
      expect(await codeOf(withoutLineage.remove(jobId, 'postgres'))).toBe('SINK_NOT_REVERSIBLE');
      await sinks.change({ jobId, name: 'clickhouse' }, {}, { table: 'data_orders', rows: 1 });
      await become(jobId, { table: 'ingested_data', rows: 1 });
      expect((await withoutLineage.remove(jobId, 'clickhouse')).sinks).toMatchObject([{ state: 'REMOVING' }, {}]);
      expect(await codeOf(newCommands(['clickhouse']).remove(jobId, 'postgres'))).toBe('SINK_NOT_CONFIGURED');
      expect(await codeOf(commands.remove(running, 'clickhouse'))).toBe('SINK_NOT_FOUND');
    });
  });
});
