import { pino } from 'pino';
import { JobWriter } from '../../../src/jobs/coordination/job-writer.js';
import type { Job } from '../../../src/jobs/domain/job.js';
import type { StoredJob } from '../../../src/jobs/domain/stored-job.js';
import type { JobEventProducer } from '../../../src/jobs/events/producer.js';
import { JobEventPublisher } from '../../../src/jobs/events/publisher.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { Metrics } from '../../../src/observability/metrics/index.js';
import { ManualClock } from '../support/manual-clock.js';
import { aJob, openStore, type StoreFixture } from '../support/store-fixture.js';

/** A topic that is there, away, or silent, as the test says. */
class Topic {
  readonly received: Job[] = [];
  /** The ids of jobs, as often as a tombstone came. */
  readonly tombstones: string[] = [];
  mode: 'there' | 'away' | 'silent' | 'loses-acks' = 'there';
  /** Larger batches are refused, in bytes of JSON. */
  maxBytes = Number.POSITIVE_INFINITY;
  topicsEnsured = 0;
  beforeOpen = (): Promise<void> => Promise.resolve();
  opened = 0;
  closed = 0;

  async ensure(): Promise<void> {
    await this.answer();
    this.topicsEnsured++;
  }

  async connect(): Promise<JobEventProducer> {
    await this.answer();
    await this.beforeOpen();
    this.opened++;
    return {
      send: async (events) => {
        await this.answer();
        const bytes = events.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
        if (bytes > this.maxBytes) throw Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE' });
        this.received.push(...events.map(({ value }) => JSON.parse(value) as Job));
        if (this.mode === 'loses-acks') throw new Error('connection lost');
      },
      sendTombstones: async (ids) => {
        await this.answer();
        this.tombstones.push(...ids);
        if (this.mode === 'loses-acks') throw new Error('connection lost');
      },
      close: async () => {
        this.closed++;
      },
    };
  }

  of(jobId: string): string[] {
    return this.received.filter((job) => job.job_id === jobId).map((job) => `${job.revision} ${job.state}`);
  }

  private async answer(): Promise<void> {
    if (this.mode === 'away') throw new Error('no broker');
    if (this.mode === 'silent') await new Promise(() => undefined);
  }
}

let fixture: StoreFixture;
let clock: ManualClock;
let store: JobStore;
let topic: Topic;
let publisher: JobEventPublisher;
let leader: { epoch: number | null; confirm: () => Promise<number | null> };
let writer: JobWriter;

async function startProcess(mode: Topic['mode'], othersWrite = false): Promise<void> {
  topic.mode = mode;
  const before = topic.opened;
  publisher = new JobEventPublisher({
    metrics: new Metrics({ version: 'test', role: 'all' }),
    store,
    topic: 'batch.jobs',
    ensureTopic: () => topic.ensure(),
    connect: () => topic.connect(),
    leader,
    othersWrite,
    clock,
    log: pino({ level: 'silent' }),
  });
  publisher.start();
  writer = new JobWriter(store, publisher, clock);
  // What an earlier process left is looked for first.
  if (mode === 'there') await until(() => topic.opened === before + 1);
  await turns(5);
}

/** In each of them the store does what it was asked before: it writes in this order. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await fixture.db.deleteFrom('models').where('id', '=', 'none').execute();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

beforeEach(async () => {
  fixture = await openStore();
  clock = new ManualClock();
  store = new JobStore(fixture.db, clock);
  topic = new Topic();
  leader = { epoch: 1, confirm: () => Promise.resolve(leader.epoch) };
});
afterEach(async () => {
  topic.mode = 'away';
  const stopping = publisher.stop(1000);
  clock.advance(1000);
  await stopping;
  await fixture.close();
});

async function insert(filename = 'orders.csv'): Promise<StoredJob> {
  const job = aJob({ filename });
  await store.create(job, 'this process');
  return writer.activate(job.jobId, 'this process');
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    if (waited > 5000) throw new Error(`never: ${condition.toString()}`);
    await turns(1);
  }
}

/** Whether the store comes to know that everything is published. */
async function allPublished(): Promise<boolean> {
  for (let tries = 0; tries < 50; tries++) {
    clock.advance(1000);
    await turns(10);
    if ((await store.unpublished(1)).length === 0) return true;
  }
  return false;
}

describe('the publisher of batch.jobs', () => {
  it('sends every change of state in order, and remembers what is there', async () => {
    await startProcess('there');
    const pending = await insert();
    const running = await writer.change(pending, { state: 'RUNNING' });
    const progressed = await writer.change(running, { bytesDone: 5 });
    await writer.change(progressed, { state: 'SUCCESS' });
    await until(() => topic.of(pending.jobId).at(-1) === '4 SUCCESS');
    const states = topic.received.map((job) => job.state);
    expect(states.filter((state, at) => state !== states[at - 1])).toEqual(['PENDING', 'RUNNING', 'SUCCESS']);
    const revisions = topic.received.map((job) => job.revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    expect(topic).toMatchObject({ topicsEnsured: 1, opened: 1 });
    expect(await allPublished()).toBe(true);
    expect((await store.get(pending.jobId))?.publishedRevision).toBe(4);
  });

  it('sends a job again under a new revision after an error, over a new connection', async () => {
    await startProcess('there');
    const one = await insert();
    const other = await insert();
    await until(() => topic.received.length === 2);
    topic.mode = 'loses-acks';
    await writer.change(one, { state: 'RUNNING' });
    await until(() => clock.dueIn.includes(250));
    await writer.change(other, { state: 'RUNNING' });
    topic.mode = 'there';
    clock.advance(250);
    await until(() => topic.received.length === 5);
    // The event without an ack did arrive: what was sent under a number is never sent again.
    expect(topic.of(one.jobId)).toEqual(['1 PENDING', '2 RUNNING', '3 RUNNING']);
    expect(topic.of(other.jobId)).toEqual(['1 PENDING', '2 RUNNING']);
    expect(topic).toMatchObject({ opened: 2, closed: 1 });
    expect(await allPublished()).toBe(true);
  });

  it('uses no connection for more than ten minutes, so that a prefix that was lost is noticed', async () => {
    await startProcess('there');
    const pending = await insert();
    clock.advance(599_999);
    const running = await writer.change(pending, { state: 'RUNNING' });
    await until(() => topic.of(pending.jobId).length === 2);
    expect(topic).toMatchObject({ topicsEnsured: 1, opened: 1, closed: 0 });
    clock.advance(1);
    await writer.change(running, { state: 'SUCCESS' });
    await until(() => topic.of(pending.jobId).length === 3);
    expect(topic).toMatchObject({ topicsEnsured: 2, opened: 2, closed: 1 });
    expect(topic.of(pending.jobId)).toEqual(['1 PENDING', '2 RUNNING', '3 SUCCESS']);
  });

  it('catches up with an outage, waiting longer each time', async () => {
    await startProcess('away');
    const a = await insert();
    const b = await insert();
    await writer.change(a, { state: 'CANCELLED' });
    for (const backoff of [250, 500, 1000, 2000, 4000, 8000, 10_000]) {
      await until(() => clock.dueIn[0] === backoff);
      clock.advance(backoff - 1);
      expect(clock.dueIn).toEqual([1]);
      clock.advance(1);
    }
    await until(() => clock.dueIn[0] === 10_000);
    topic.mode = 'there';
    clock.advance(10_000);
    await until(() => topic.received.length === 3);
    expect(topic.of(a.jobId)).toEqual(['1 PENDING', '2 CANCELLED']);
    expect(topic.of(b.jobId)).toEqual(['1 PENDING']);
    expect(await allPublished()).toBe(true);
  });

  it('does not wait for ever for a broker that is silent', async () => {
    await startProcess('there');
    const job = await insert();
    await until(() => topic.received.length === 1);
    topic.mode = 'silent';
    await writer.change(job, { state: 'RUNNING' });
    await until(() => clock.dueIn.includes(20_000));
    topic.mode = 'there';
    clock.advance(20_000);
    await until(() => topic.closed === 1);
    await until(() => clock.dueIn.includes(250));
    clock.advance(250);
    await until(() => topic.received.length === 2);
    expect(topic.of(job.jobId)).toEqual(['1 PENDING', '3 RUNNING']);
  });

  it('publishes at a new start what an earlier process did not', async () => {
    await startProcess('away');
    const old = await insert();
    await writer.change(old, { state: 'CANCELLED' });
    const known = await insert();
    await store.markPublished(new Map([[known.jobId, 1]]));
    await publisher.stop(1000);

    await startProcess('there');
    await until(() => topic.received.length === 1);
    expect(topic.of(old.jobId)).toEqual(['3 CANCELLED']);
    expect(await allPublished()).toBe(true);
  });

  it('catches up from the store when more changes came than it holds in memory', async () => {
    await startProcess('away');
    const ids: string[] = [];
    for (let i = 0; i < 1050; i++) ids.push((await insert()).jobId);
    topic.mode = 'there';
    clock.advance(10_000);
    await until(() => topic.received.length >= ids.length);
    expect(new Set(topic.received.map((job) => job.job_id))).toEqual(new Set(ids));
    expect(topic.received).toHaveLength(ids.length);
    expect(await allPublished()).toBe(true);
  });

  it('catches up in pieces when what it is to send is more than it holds in bytes', async () => {
    await startProcess('away');
    const fileColumns = ['x'.repeat(900_000)];
    const ids: string[] = [];
    // Twice what fits, and each time one more: where the queue overflowed over and over, it would end up empty.
    for (let i = 0; i < 38; i++) ids.push((await writer.change(await insert(), { fileColumns })).jobId);
    await publisher.stop(1000);
    await startProcess('there');
    await until(() => topic.received.length >= ids.length);
    expect(topic.received.map((job) => [job.job_id, job.file_columns?.length])).toEqual(ids.map((id) => [id, 1]));
    expect(await allPublished()).toBe(true);
  });

  it('sends what is queued before it stops, and marks it', async () => {
    await startProcess('there');
    const job = await insert();
    await publisher.stop(1000);
    expect(topic.of(job.jobId)).toHaveLength(1);
    expect(await store.unpublished(1)).toEqual([]);
    expect(topic.closed).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('sends nothing of a job behind its tombstone', async () => {
    await startProcess('there');
    const job = await insert();
    await until(() => topic.received.length === 1);
    const late = await writer.change(job, { state: 'CANCELLED' });
    await store.purge(late);
    await publisher.publishTombstone(job.jobId);
    expect(topic.tombstones).toEqual([job.jobId]);
    const before = topic.received.length;
    publisher.publish(late);
    const other = await insert();
    await until(() => topic.of(other.jobId).length === 1);
    expect(topic.received).toHaveLength(before + 1);
  });

  it('sends a tombstone only when what a broken connection carried cannot land any more', async () => {
    await startProcess('there');
    const job = await insert();
    const late = await writer.change(job, { state: 'CANCELLED' });
    await until(() => topic.of(job.jobId).length > 0);
    await store.purge(late);
    topic.mode = 'loses-acks';
    await expect(publisher.publishTombstone(job.jobId)).rejects.toThrow('connection lost');
    await until(() => clock.dueIn.includes(250));
    topic.mode = 'there';
    clock.advance(29_999);
    await expect(publisher.publishTombstone(job.jobId)).rejects.toThrow('a moment ago');
    clock.advance(1);
    await publisher.publishTombstone(job.jobId);
    expect(topic.tombstones).toEqual([job.jobId, job.jobId]);
    expect(topic.received.map(({ revision }) => revision)).not.toContain(3);
  });

  it('leaves nobody waiting for a tombstone when it stops', async () => {
    await startProcess('away');
    const waiting = publisher.publishTombstone('a1b2c3d4');
    const stopping = publisher.stop(0);
    clock.advance(0);
    await expect(waiting).rejects.toThrow();
    await stopping;
    await expect(publisher.publishTombstone('a1b2c3d4')).rejects.toThrow('being stopped');
  });

  it('stops in time when the broker is silent', async () => {
    await startProcess('there');
    const job = await insert();
    await until(() => topic.received.length === 1);
    topic.mode = 'silent';
    await writer.change(job, { state: 'RUNNING' });
    await until(() => clock.dueIn.includes(20_000));
    const stopping = publisher.stop(3000);
    clock.advance(3000);
    await stopping;
    expect(await store.unpublished(1)).toEqual([job.jobId]);
  });

  it('cuts batches by bytes, and sends alone too large a job without columns and metadata', async () => {
    await startProcess('away');
    topic.maxBytes = 1_048_576;
    const wide = Array.from({ length: 10 }, (_, at) => `${at}${'x'.repeat(30_000)}`);
    const ids: string[] = [];
    for (let at = 0; at < 20; at++) {
      const job = await writer.change(await insert(), {
        fileColumns: at === 0 ? [...wide, 'y'.repeat(901_000)] : wide,
      });
      ids.push(job.jobId);
    }
    topic.mode = 'there';
    clock.advance(10_000);
    await until(() => topic.received.length >= ids.length);
    const last = (jobId: string) => topic.received.findLast((job) => job.job_id === jobId);
    expect(last(ids[0]!)).toMatchObject({ file_columns: null, metadata: {}, truncated: ['file_columns', 'metadata'] });
    for (const jobId of ids.slice(1)) expect(last(jobId)?.file_columns).toEqual(wide);
    expect(await allPublished()).toBe(true);
    expect(publisher.trouble()).toBeNull();
  });

  it('leaves out what a topic refuses even reduced, tells so, and sends the others', async () => {
    await startProcess('away');
    const small = await insert();
    const wide = await writer.change(await insert(), { fileColumns: ['x'.repeat(3000)] });
    const long = await insert('y'.repeat(3000));
    const another = await insert();
    topic.maxBytes = 2000;
    topic.mode = 'there';
    clock.advance(10_000);
    const sent = (jobId: string) => topic.received.some((job) => job.job_id === jobId);
    await until(() => sent(another.jobId) && sent(small.jobId) && sent(wide.jobId));
    expect(await allPublished()).toBe(true);
    expect(topic.of(long.jobId)).toEqual([]);
    expect(topic.received.find((job) => job.job_id === wide.jobId)?.truncated).toEqual(['file_columns', 'metadata']);
    expect(publisher.trouble()).toContain(long.jobId);
  });

  it('tells that it is stuck after 30 s, and no more once it is not', async () => {
    await startProcess('away');
    await insert();
    await until(() => clock.dueIn.length > 0);
    expect(publisher.trouble()).toBeNull();
    for (let waited = 0; waited < 4; waited++) {
      await until(() => clock.dueIn.length > 0);
      clock.advance(10_000);
    }
    expect(publisher.trouble()).toMatch(/could not be written for \d+ s.* no broker$/);
    topic.mode = 'there';
    await until(() => {
      clock.advance(10_000);
      return topic.received.length > 0;
    });
    await turns(5);
    expect(publisher.trouble()).toBeNull();
  });
});

describe('one of several processes', () => {
  it('publishes nothing unless it leads, and then what was not published, under new revisions', async () => {
    leader.epoch = null;
    await startProcess('away', true);
    topic.mode = 'there';
    const { jobId } = await insert();
    clock.advance(5_000);
    await turns(10);
    expect([topic.opened, topic.received]).toEqual([0, []]);
    leader.epoch = 1;
    clock.advance(1_000);
    await until(() => topic.of(jobId).length === 1);
    expect(topic.of(jobId)).toEqual(['2 PENDING']);
  });

  it('publishes what others have written within a second', async () => {
    await startProcess('there', true);
    const { jobId } = await insert();
    await until(() => topic.of(jobId).length === 1);
    await store.change(jobId, { states: ['PENDING'] }, { state: 'RUNNING' });
    clock.advance(1_000);
    await until(() => topic.of(jobId).length === 2);
    expect(topic.of(jobId)).toEqual(['2 PENDING', '4 RUNNING']);
  });

  it('forgets what it had queued when another one has led meanwhile, and opens another connection', async () => {
    await startProcess('there', true);
    const { jobId } = await insert();
    await until(() => topic.of(jobId).length === 1);
    topic.mode = 'silent'; // it stands still while it sends
    const running = await writer.change((await store.get(jobId))!, { state: 'RUNNING' });
    await turns(3);
    leader.epoch = null;
    // Its successor publishes the state as it is by then, and is gone again.
    const ended = await store.change(jobId, { states: ['RUNNING'] }, { state: 'FAILED' });
    await store.markPublished(new Map([[jobId, ended!.revision]]));
    leader.epoch = 3;
    const opened = topic.opened;
    topic.mode = 'there';
    clock.advance(20_000); // no answer is one, too
    await turns(20);
    clock.advance(1_000);
    await turns(20);
    expect(topic.of(jobId)).toEqual(['2 PENDING']);
    expect([running.revision, topic.opened > opened]).toEqual([3, true]);
  });

  it('sends nothing that it had queued if another one has led while it connected', async () => {
    await startProcess('there', true);
    const { jobId } = await insert();
    await until(() => topic.of(jobId).length === 1);
    const connecting = Promise.withResolvers<void>();
    topic.beforeOpen = () => connecting.promise;
    const closed = topic.closed;
    clock.advance(600_000); // the connection has become old
    await until(() => topic.closed > closed);
    await writer.change((await store.get(jobId))!, { state: 'RUNNING' });
    const ended = await store.change(jobId, { states: ['RUNNING'] }, { state: 'FAILED' });
    await store.markPublished(new Map([[jobId, ended!.revision]])); // by its successor
    // Its own clock stood still, too: only the store knows.
    leader.confirm = () => Promise.resolve(null);
    connecting.resolve();
    await turns(20);
    expect([topic.of(jobId), topic.closed]).toEqual([['2 PENDING'], closed + 2]);
    // It leads again, and the store has nothing for it.
    leader.epoch = 3;
    leader.confirm = () => Promise.resolve(3);
    clock.advance(20_000);
    await turns(20);
    expect(topic.of(jobId)).toEqual(['2 PENDING']);
  });

  it('sends nothing that it has written before it connected: its predecessor may have sent more by then', async () => {
    const connecting = Promise.withResolvers<void>();
    topic.beforeOpen = () => connecting.promise;
    await startProcess('away', true);
    topic.mode = 'there';
    const { jobId, revision } = await insert();
    await turns(5);
    // Its predecessor still publishes what a worker writes, and the store comes to know that late, or at once.
    const running = await store.change(jobId, { states: ['PENDING'] }, { state: 'RUNNING' });
    await store.markPublished(new Map([[jobId, running!.revision]]));
    connecting.resolve();
    clock.advance(20_000);
    await turns(20);
    expect([revision, running!.revision, topic.opened, topic.of(jobId)]).toEqual([1, 2, 1, []]);
  });

  it('refuses tombstones that it cannot write', async () => {
    leader.epoch = null;
    await startProcess('away', true);
    await expect(publisher.publishTombstone('a1b2c3d4')).rejects.toThrow('another process');
  });
});
