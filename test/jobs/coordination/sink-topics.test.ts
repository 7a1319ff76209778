import { pino } from 'pino';
import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import { SinkTopics } from '../../../src/jobs/coordination/sink-topics.js';
import type { StoredJob } from '../../../src/jobs/domain/stored-job.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { SinkStore } from '../../../src/jobs/store/sink-store.js';
import { JOB_RETENTION_MS } from '../../../src/kafka/index.js';
import { protocolError } from '../../../src/kafka/kafka-failure.js';
import { ManualClock } from '../support/manual-clock.js';
import { insertJob, openStore, type StoreFixture } from '../support/store-fixture.js';

const DAY_MS = 86_400_000;
const TOPIC_AUTHORIZATION_FAILED = 29;
const LEADER_NOT_AVAILABLE = 5;

describe('the topics of jobs that wait for their sinks', () => {
  let fixture: StoreFixture;
  let clock: ManualClock;
  let jobs: JobStore;
  let sinks: SinkStore;
  let topics: SinkTopics;
  let published: StoredJob[];
  /** What was set, in order: the topic of the rows, and for how long its records are kept. */
  let set: [string, number | null][];
  let refuse: (topic: string) => Error | null;

  beforeEach(async () => {
    fixture = await openStore();
    clock = new ManualClock();
    jobs = new JobStore(fixture.db, clock);
    sinks = new SinkStore(fixture.db, clock);
    [published, set, refuse] = [[], [], () => null];
    topics = new SinkTopics({
      sinks,
      topics: {
        async setJobRetention({ data }, ms) {
          const error = refuse(data);
          if (error !== null) throw error;
          set.push([data, ms]);
        },
      },
      publish: (job) => void published.push(job),
      leader: { epoch: 1 },
      clock,
      log: pino({ level: 'silent' }),
    });
  });
  afterEach(async () => {
    await topics.stop();
    await fixture.close();
  });

  async function due(): Promise<string> {
    const { jobId } = await insertJob(jobs, { options: { ...DEFAULT_OPTIONS, sinks: ['postgres'] } });
    await sinks.wake(jobId);
    return jobId;
  }

  async function ended(jobId: string): Promise<void> {
    await sinks.change({ jobId, name: 'postgres' }, {}, { state: 'LOADED', error: null, runAfterMs: null });
  }

  const denied = () => protocolError(TOPIC_AUTHORIZATION_FAILED, 'IncrementalAlterConfigs');

  it('are kept for ever from half of their retention on, once, and as long as usual when all is loaded', async () => {
    const jobId = await due();
    clock.advance(JOB_RETENTION_MS / 2);
    await topics.round();
    expect(set).toEqual([]);
    clock.advance(1);
    await topics.round();
    await topics.round();
    expect(set).toEqual([[`batch_${jobId}`, null]]);
    await ended(jobId);
    await topics.round();
    await topics.round();
    expect(set.slice(1)).toEqual([[`batch_${jobId}`, JOB_RETENTION_MS]]);
    expect(topics.trouble()).toBeNull();
  });

  it('are said to lose their rows, once, a day before, where the brokers do not allow to keep them', async () => {
    const [first, second] = [await due(), await due()];
    refuse = denied;
    clock.advance(JOB_RETENTION_MS - DAY_MS - 1);
    await topics.round();
    expect([published, set]).toEqual([[], []]);
    expect(topics.trouble()).toContain('allow ALTER_CONFIGS');
    clock.advance(2);
    await topics.round();
    await topics.round();
    expect(published.map(({ jobId }) => jobId)).toEqual([first, second]);
    expect(published[0]?.sinks).toMatchObject([{ state: 'PENDING', error: { code: 'SINK_EXPIRED' } }]);
    expect(published[0]?.sinks[0]?.error?.message).toContain('from 2026-03-08T12:00:00.000Z on');
  });

  it('are all said to, however many there are', async () => {
    for (let i = 0; i < 130; i++) await due();
    refuse = denied;
    clock.advance(JOB_RETENTION_MS);
    for (let round = 0; round < 3; round++) await topics.round();
    expect(new Set(published.map(({ jobId }) => jobId)).size).toBe(130);
    expect(published).toHaveLength(130);
  });

  it('are kept once the brokers allow it', async () => {
    const jobId = await due();
    refuse = denied;
    clock.advance(JOB_RETENTION_MS - 1);
    await topics.round();
    refuse = () => null;
    await topics.round();
    expect(set).toEqual([[`batch_${jobId}`, null]]);
    expect(topics.trouble()).toBeNull();
  });

  it('say why they are not kept, also when those of another job are', async () => {
    const [first, second] = [await due(), await due()];
    refuse = (topic) => (topic === `batch_${first}` ? denied() : null);
    clock.advance(JOB_RETENTION_MS);
    await topics.round();
    expect(set).toEqual([[`batch_${second}`, null]]);
    expect(published).toHaveLength(1);
    expect(published[0]?.sinks[0]?.error?.message).toContain('TOPIC_AUTHORIZATION_FAILED');
  });

  it('are left alone while no broker answers', async () => {
    const jobId = await due();
    refuse = () => protocolError(LEADER_NOT_AVAILABLE, 'IncrementalAlterConfigs');
    clock.advance(JOB_RETENTION_MS);
    await topics.round();
    expect([published, set, topics.trouble()]).toEqual([[], [], null]);
    refuse = () => null;
    await topics.round();
    expect(set).toEqual([[`batch_${jobId}`, null]]);
  });

  it('are checked every half minute, and loads whose wake was lost are woken', async () => {
    const { jobId } = await insertJob(jobs, { options: { ...DEFAULT_OPTIONS, sinks: ['postgres'] } });
    await fixture.db.updateTable('jobs').set({ state: 'SUCCESS' }).execute();
    topics.start();
    expect(clock.dueIn).toEqual([30_000]);
    clock.advance(30_000);
    await topics.stop();
    expect((await sinks.claim('postgres', 'me'))?.jobId).toBe(jobId);
  });
});
