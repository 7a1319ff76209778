import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { SpareTopics } from '../../../src/jobs/coordination/spare-topics.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { RemovalStore } from '../../../src/jobs/store/removal-store.js';
import { SpareStore } from '../../../src/jobs/store/spare-store.js';
import type { JobTopics } from '../../../src/kafka/index.js';
import { ManualClock } from '../support/manual-clock.js';
import { aJob, insertJob, openStore, type StoreFixture } from '../support/store-fixture.js';

/** Topics that are made and deleted as the test says. */
class Topics {
  readonly made: string[] = [];
  readonly deleted: string[] = [];
  create: (data: string) => Promise<boolean> = async () => true;

  async createJobTopics({ data }: JobTopics): Promise<boolean> {
    this.made.push(data);
    return this.create(data);
  }

  async deleteUnusedJobTopics({ data }: JobTopics): Promise<void> {
    this.deleted.push(data);
  }

  async areUnused(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}
}

let fixture: StoreFixture;
let clock: ManualClock;
let store: JobStore;
let topics: Topics;
let isWorking: boolean;

beforeEach(async () => {
  fixture = await openStore();
  clock = new ManualClock();
  store = new JobStore(fixture.db, clock);
  topics = new Topics();
  isWorking = false;
});
afterEach(() => fixture.close());

/** What one start of the service has, its first jobs behind it. */
function startOf(owner: string, { topicPrefix = 'batch', maxJobTopics = 100 } = {}) {
  const spares = new SpareStore(fixture.db, { topicPrefix, owner, isAlone: true });
  const rows = new RemovalStore(fixture.db);
  const log = pino({ level: 'silent' });
  const maker = new SpareTopics({ spares, rows, topics, isWorking: () => isWorking, clock, log, maxJobTopics });
  maker.refill();
  clock.advance(250); // a moment without another job
  return { spares, maker };
}

describe('topics that are made ahead', () => {
  it('have their row first, and lose it to the row of the job, which alone gets the id', async () => {
    const { spares, maker } = startOf('this start');
    const counts: number[] = [];
    topics.create = async () => {
      counts.push(await spares.count());
      return true;
    };
    await maker.round();
    expect([topics.made.length, counts]).toEqual([2, [1, 2]]);
    const jobId = maker.take()!;
    expect(topics.made[0]).toBe(`batch_${jobId}`);
    expect(maker.take()).not.toBe(jobId);
    expect(maker.take()).toBeUndefined();
    expect(await store.create(aJob({ jobId }), 'this start', { spare: true })).toEqual({ kind: 'created' });
    expect([await spares.count(), await spares.add(jobId, 0)]).toEqual([1, undefined]);
    await maker.round();
    expect(topics.made).toHaveLength(4);
  });

  it('stay where no job comes of it: its key is taken', async () => {
    const { spares, maker } = startOf('this start');
    await maker.round();
    await insertJob(store, { idempotencyKey: 'key' });
    const jobId = maker.take()!;
    expect(await store.create(aJob({ jobId, idempotencyKey: 'key' }), 'this start', { spare: true })).toMatchObject({
      kind: 'key_taken',
    });
    maker.giveBack(jobId);
    expect([await spares.count(), [maker.take(), maker.take()].includes(jobId)]).toEqual([2, true]);
  });

  it('are made for a service that gets jobs, and only while MAX_JOB_TOPICS has room', async () => {
    const idle = new SpareStore(fixture.db, { topicPrefix: 'batch', owner: 'idle', isAlone: true });
    const rows = new RemovalStore(fixture.db);
    const log = pino({ level: 'silent' });
    await new SpareTopics({
      spares: idle,
      rows,
      topics,
      isWorking: () => false,
      clock,
      log,
      maxJobTopics: 100,
    }).round();
    expect(topics.made).toEqual([]);
    await insertJob(store);
    await startOf('full', { maxJobTopics: 3 }).maker.round();
    expect(topics.made).toEqual([]);
    await startOf('roomy', { maxJobTopics: 4 }).maker.round();
    expect(topics.made).toHaveLength(1);
  });

  it('of a start that is gone are deleted under the names they have, then their rows', async () => {
    const gone = startOf('gone', { topicPrefix: 'old' });
    await gone.maker.round();
    const [first, second] = topics.made;
    const { spares, maker } = startOf('this start');
    const left: number[] = [];
    topics.deleteUnusedJobTopics = async ({ data }) => {
      topics.deleted.push(data);
      left.push(await spares.count());
    };
    await maker.round();
    expect([topics.deleted.toSorted(), left]).toEqual([[first, second].toSorted(), [2, 1]]);
    expect([maker.take(), maker.take()].map((jobId) => `batch_${jobId}`)).toEqual(topics.made.slice(2));
  });

  it.each([
    ['a broker refuses them', () => Promise.reject(new Error('refused'))],
    ['a name is taken', () => Promise.resolve(false)],
  ])('are not used where %s, and do not add up', async (_, create) => {
    const { spares, maker } = startOf('this start');
    topics.create = create;
    for (let round = 1; round <= 3; round++) {
      await maker.round();
      expect([await spares.count(), topics.made.length, topics.deleted.length]).toEqual([1, round, round - 1]);
    }
    expect(maker.take()).toBeUndefined();
    topics.create = async () => true;
    await maker.round();
    expect([await spares.count(), topics.deleted]).toEqual([2, topics.made.slice(0, 3)]);
  });

  it('stay if another one is discarded while they are made', async () => {
    const { maker } = startOf('this start');
    topics.create = async () => {
      if (topics.made.length === 1) maker.discard('discarde');
      return true;
    };
    await maker.round();
    await maker.round();
    expect(topics.deleted).toEqual(['batch_discarde']);
    expect([maker.take(), maker.take()].map((jobId) => `batch_${jobId}`)).toEqual(topics.made);
  });

  it('wait until no job is worked on, but for five seconds at most', async () => {
    const { maker } = startOf('this start');
    maker.start();
    isWorking = true;
    maker.refill();
    clock.advance(4_900);
    await nextTurn();
    expect(topics.made).toEqual([]);
    clock.advance(200);
    while (topics.made.length < 2) await nextTurn();
    await maker.stop();
  });

  it('hold up no stop, and are left to the next start', async () => {
    const { maker } = startOf('stopped');
    const asked = Promise.withResolvers<void>();
    topics.create = () => {
      asked.resolve();
      return new Promise<boolean>(() => undefined);
    };
    const round = maker.round();
    await asked.promise;
    await maker.stop();
    await round;
    expect(maker.take()).toBeUndefined();
    topics.create = async () => true;
    await startOf('next').maker.round();
    expect(topics.deleted).toEqual(topics.made.slice(0, 1));
  });
});
