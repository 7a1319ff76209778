import { pino } from 'pino';
import { TopicExpiry } from '../../../src/jobs/coordination/topic-expiry.js';
import { ExpiryStore } from '../../../src/jobs/store/expiry-store.js';
import { RemovalStore } from '../../../src/jobs/store/removal-store.js';
import type { JobTopics } from '../../../src/kafka/names.js';
import type { JobTopicEnds, JobTopicsLeft } from '../../../src/kafka/topics.js';
import { aCheckpoint, JobsHarness } from '../support/jobs-harness.js';

const DAY_MS = 86_400_000;

/** Topics of which the test says what is left. */
class Topics {
  readonly looks: [string, JobTopicEnds][] = [];
  readonly deleted: string[] = [];
  left: JobTopicsLeft | Error = 'nothing';
  /** Called between the look and what follows from it. */
  onLook: () => Promise<unknown> = async () => undefined;

  async lookAtJobTopics(names: JobTopics, ends: JobTopicEnds): Promise<JobTopicsLeft> {
    this.looks.push([jobOf(names), ends]);
    await this.onLook();
    if (this.left instanceof Error) throw this.left;
    return this.left;
  }

  async deleteJobTopics(names: JobTopics): Promise<void> {
    this.deleted.push(jobOf(names));
  }
}

/** The id of the job that has these topics. */
function jobOf({ data }: JobTopics): string {
  return data.slice('batch_'.length);
}

let harness: JobsHarness;
let topics: Topics;
let expiry: TopicExpiry;
let removals: RemovalStore;

beforeEach(async () => {
  harness = await JobsHarness.open();
  topics = new Topics();
  const { store, writer } = harness;
  const { db } = harness.fixture;
  expiry = new TopicExpiry({ rows: new ExpiryStore(db), store, writer, topics, log: pino({ level: 'silent' }) });
  removals = new RemovalStore(db);
});
afterEach(() => harness.close());

/** A job that has ended with 3 rows accepted and 2 rejected; its file is gone. */
async function ended(): Promise<string> {
  const jobId = await harness.acceptAndClaim();
  harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(3, 2, true) });
  await harness.quiet();
  await harness.writer.updateInternal(await harness.record(jobId), { spooled: false });
  return jobId;
}

async function aWeekLater(): Promise<void> {
  harness.clock.advance(7 * DAY_MS + 1);
  await expiry.round(harness.clock.now());
}

describe('the topics of an ended job', () => {
  it('are deleted once they are empty, and count no more; the job stays', async () => {
    const job = await ended();
    await expiry.round(harness.clock.now() + 7 * DAY_MS);
    expect(topics.looks).toEqual([]);
    topics.left = 'records';
    await aWeekLater();
    expect(topics.looks).toEqual([[job, { data: 4, dlq: 3 }]]);
    expect([topics.deleted, await removals.areThere(1)]).toEqual([[], true]);
    topics.left = 'nothing';
    await aWeekLater();
    expect([topics.deleted, await removals.areThere(1)]).toEqual([[job], false]);
    await aWeekLater();
    expect(topics.looks).toHaveLength(2);
    expect((await harness.record(job)).state).toBe('PARTIAL_SUCCESS');
    await harness.commands.purge(job, false);
    expect(await removals.list(0, 10)).toMatchObject([{ jobId: job, topicsRemoved: true }]);
  });

  it('are not there only if they are not at a second look', async () => {
    const job = await ended();
    topics.left = 'unknown topic';
    await aWeekLater();
    topics.left = 'records';
    await aWeekLater();
    topics.left = 'unknown topic';
    await aWeekLater();
    expect(topics.deleted).toEqual([]);
    await aWeekLater();
    expect([topics.deleted, await removals.areThere(1)]).toEqual([[job], false]);
  });

  it('stay while the job may go on: its file is kept, or it is not known what it has committed', async () => {
    const cancelled = await harness.accept();
    await harness.commands.cancel(cancelled);
    const failed = await harness.acceptAndClaim();
    const error = { code: 'KAFKA_UNAVAILABLE', detail: 'away' } as const;
    harness.runners.finish(failed, { kind: 'failed', error, checkpoint: aCheckpoint(3), checkpointVerified: false });
    await harness.quiet();
    await harness.writer.updateInternal(await harness.record(failed), { spooled: false });
    await harness.accept();
    await aWeekLater();
    expect(topics.looks).toEqual([]);
  });

  it('are left to the purge of a job that comes in between', async () => {
    const job = await ended();
    topics.onLook = () => harness.commands.purge(job, false);
    await aWeekLater();
    expect(topics.deleted).toEqual([]);
    expect(await removals.list(0, 10)).toMatchObject([{ jobId: job, topicsRemoved: false }]);
  });

  it('stay if the job is not as it was when they were checked', async () => {
    const job = await ended();
    topics.onLook = async () => harness.writer.updateInternal(await harness.record(job), { spooled: true });
    await aWeekLater();
    expect([topics.looks.length, topics.deleted, await removals.areThere(1)]).toEqual([1, [], true]);
  });

  it('never hold up those of others: a look that fails ends the round, and the next one begins behind it', async () => {
    const [first, second] = [await ended(), await ended()];
    topics.left = new Error('offline');
    await aWeekLater();
    topics.left = 'nothing';
    await aWeekLater();
    expect(topics.looks.map(([jobId]) => jobId)).toEqual([first, second]);
    await aWeekLater();
    expect(topics.deleted).toEqual([second, first]);
  });

  it('are not checked any more when the service stops', async () => {
    const [first] = [await ended(), await ended()];
    topics.onLook = async () => expiry.stop();
    await aWeekLater();
    expect(topics.looks.map(([jobId]) => jobId)).toEqual([first]);
  });
});
