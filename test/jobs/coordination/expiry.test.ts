import { pino } from 'pino';
import { JobExpiry } from '../../../src/jobs/coordination/expiry.js';
import { ExpiryStore } from '../../../src/jobs/store/expiry-store.js';
import { JobsHarness } from '../support/jobs-harness.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const YEARS_MS = 12 * 365 * DAY_MS;

let harness: JobsHarness;
let expiry: JobExpiry;
let leader: { epoch: number | null };
/** The times at which topics were to be checked. */
let topicRounds: number[];
/** The broker's clock, where it is not as ours. */
let brokerTime: (() => Promise<number>) | null;

beforeEach(async () => {
  harness = await JobsHarness.open();
  leader = { epoch: 1 };
  topicRounds = [];
  brokerTime = null;
  start();
});
afterEach(() => harness.close());

/** A process begins; its rounds are called by the test. */
function start(keepDays = 30): void {
  const { commands, clock } = harness;
  expiry = new JobExpiry({
    leader,
    rows: new ExpiryStore(harness.fixture.db),
    commands,
    topics: {
      async round(now) {
        topicRounds.push(now);
      },
      stop() {},
    },
    clock,
    brokerTime: async () => brokerTime?.() ?? clock.now(),
    log: pino({ level: 'silent' }),
    keepMs: keepDays * DAY_MS,
  });
  expiry.start();
}

/** The service runs for this time, with a round every ten minutes. */
async function run(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10 * MINUTE_MS) {
    harness.clock.dropTimers();
    harness.clock.advance(10 * MINUTE_MS);
    await expiry.round();
  }
}

/** This number of days passes by the wall clock; the service runs long enough to see a job ended for one of them. */
async function pass(days: number): Promise<void> {
  await run(DAY_MS + 10 * MINUTE_MS);
  harness.clock.setWall((days - 1) * DAY_MS - 20 * MINUTE_MS);
  await run(10 * MINUTE_MS);
}

/** An ended job without a file. */
async function ended(): Promise<string> {
  const jobId = await harness.accept();
  await harness.commands.cancel(jobId);
  await harness.writer.updateInternal(await harness.record(jobId), { spooled: false });
  return jobId;
}

async function isThere(jobId: string): Promise<boolean> {
  return (await harness.store.get(jobId)) !== undefined;
}

describe('an ended job', () => {
  it('is purged when it is older than it may be, and its removal begins at once', async () => {
    const job = await ended();
    const waiting = await harness.accept();
    await pass(30);
    expect([await isThere(job), harness.removalWakes]).toEqual([true, 0]);
    await run(10 * MINUTE_MS);
    expect([await isThere(job), harness.removalWakes]).toEqual([false, 1]);
    await run(10 * MINUTE_MS);
    expect([await isThere(waiting), harness.removalWakes]).toEqual([true, 1]);
  });

  it('stays for ever with JOB_KEEP_DAYS=0', async () => {
    start(0);
    const job = await ended();
    await run(2 * DAY_MS);
    harness.clock.setWall(YEARS_MS);
    await run(2 * DAY_MS);
    expect(await isThere(job)).toBe(true);
    expect(topicRounds).toHaveLength(4 * 24 * 6);
  });

  it('stays for a day after a wall clock that leaps, and longer if that is corrected', async () => {
    const job = await ended();
    harness.clock.setWall(YEARS_MS);
    await run(DAY_MS);
    expect(await isThere(job)).toBe(true);
    harness.clock.setWall(-YEARS_MS);
    await run(10 * MINUTE_MS);
    expect(await isThere(job)).toBe(true);
    harness.clock.setWall(YEARS_MS);
    await run(10 * MINUTE_MS);
    expect(await isThere(job)).toBe(false);
  });

  it('is seen ended only while the service runs: a sleep counts twenty minutes at most', async () => {
    const job = await ended();
    await run(10 * MINUTE_MS);
    for (let rounds = 0; rounds < 71; rounds++) {
      harness.clock.dropTimers();
      harness.clock.advance(60 * DAY_MS);
      await expiry.round();
    }
    expect(await isThere(job)).toBe(true);
    await run(20 * MINUTE_MS);
    expect(await isThere(job)).toBe(false);
  });

  it('is seen ended across restarts, whose beginnings do not count', async () => {
    const job = await ended();
    harness.clock.setWall(YEARS_MS);
    await run(DAY_MS);
    for (let restarts = 0; restarts < 100; restarts++) {
      start();
      harness.clock.advance(9 * MINUTE_MS);
    }
    expect(await isThere(job)).toBe(true);
    start();
    await run(10 * MINUTE_MS);
    expect(await isThere(job)).toBe(false);
  });

  it('begins anew when it is resumed and ends again', async () => {
    const job = await harness.accept();
    await harness.commands.cancel(job);
    await run(20 * HOUR_MS);
    await harness.commands.resume(job);
    await run(20 * HOUR_MS);
    await harness.commands.cancel(job);
    await harness.writer.updateInternal(await harness.record(job), { spooled: false });
    harness.clock.setWall(YEARS_MS);
    await run(DAY_MS);
    expect(await isThere(job)).toBe(true);
    await run(10 * MINUTE_MS);
    expect(await isThere(job)).toBe(false);
  });

  it('stays while its file is kept', async () => {
    const job = await harness.accept();
    await harness.commands.cancel(job);
    await pass(31);
    expect(await isThere(job)).toBe(true);
    await harness.maintenance.cleanSpool();
    await run(10 * MINUTE_MS);
    expect(await isThere(job)).toBe(false);
  });

  it('stays while a runner finds out what it has committed', async () => {
    const job = await harness.acceptAndClaim();
    const error = { code: 'KAFKA_UNAVAILABLE', detail: 'away' } as const;
    harness.runners.finish(job, { kind: 'failed', error, checkpoint: null, checkpointVerified: false });
    await harness.quiet();
    await harness.writer.updateInternal(await harness.record(job), { spooled: false });
    await harness.runners.next();
    const other = await ended();
    await pass(31);
    expect([await isThere(job), await isThere(other)]).toEqual([true, false]);
    harness.runners.finish(job, { kind: 'reconciled', checkpoint: null });
    await harness.quiet();
    await run(10 * MINUTE_MS);
    expect(await isThere(job)).toBe(false);
  });
});

describe("a clock that differs from the broker's", () => {
  it.each([
    ['behind', HOUR_MS + 1],
    ['ahead', -HOUR_MS - 1],
  ])('by being more than an hour %s stops the purge, and the health report says so', async (_, byMs) => {
    const job = await ended();
    await pass(30);
    brokerTime = async () => harness.clock.now() + byMs;
    await run(DAY_MS);
    expect(await isThere(job)).toBe(true);
    const times = [harness.clock.now(), harness.clock.now() + byMs].map((time) => new Date(time).toISOString());
    expect(topicRounds).toHaveLength(24 * 6 + 2);
    for (const time of times) expect(expiry.trouble()).toContain(time);
    expect(expiry.trouble()).toContain('NTP');
    brokerTime = async () => harness.clock.now() + Math.sign(byMs) * HOUR_MS;
    await run(10 * MINUTE_MS);
    expect([await isThere(job), expiry.trouble()]).toEqual([false, null]);
  });

  it('because that cannot be learned stops the purge', async () => {
    const job = await ended();
    await pass(30);
    brokerTime = async () => Promise.reject(new Error('it is away'));
    await run(10 * MINUTE_MS);
    expect(await isThere(job)).toBe(true);
    expect(expiry.trouble()).toContain('it is away');
    brokerTime = null;
    await run(10 * MINUTE_MS);
    expect([await isThere(job), expiry.trouble()]).toEqual([false, null]);
  });

  it('is not waited for when the service stops', async () => {
    const job = await ended();
    await pass(30);
    brokerTime = () => new Promise<never>(() => undefined);
    harness.clock.advance(10 * MINUTE_MS);
    const round = expiry.round();
    await expiry.stop();
    await round;
    expect(await isThere(job)).toBe(true);
  });
});

describe('the rounds', () => {
  it('count no time for which another process led', async () => {
    const counted = () => new ExpiryStore(harness.fixture.db).addRunningTime(0);
    await run(10 * MINUTE_MS);
    leader.epoch = null;
    harness.clock.dropTimers();
    harness.clock.advance(30 * MINUTE_MS);
    leader.epoch = 3;
    await expiry.round();
    expect(await counted()).toBe(10 * MINUTE_MS);
    await run(10 * MINUTE_MS);
    expect(await counted()).toBe(20 * MINUTE_MS);
  });

  it('begin ten minutes after the start, are ten minutes apart, and one while the clock is not trusted', async () => {
    const soon = async (): Promise<number[]> => {
      while (harness.clock.pending === 0) await new Promise(setImmediate);
      return harness.clock.dueIn;
    };
    expect(harness.clock.dueIn).toEqual([10 * MINUTE_MS]);
    harness.clock.advance(10 * MINUTE_MS);
    expect(await soon()).toEqual([10 * MINUTE_MS]);
    brokerTime = async () => 0;
    harness.clock.advance(10 * MINUTE_MS);
    expect(await soon()).toEqual([MINUTE_MS]);
    brokerTime = null;
    harness.clock.advance(MINUTE_MS);
    expect(await soon()).toEqual([10 * MINUTE_MS]);
    await expiry.stop();
    expect(harness.clock.pending).toBe(0);
    expect(await new ExpiryStore(harness.fixture.db).addRunningTime(5)).toBe(21 * MINUTE_MS + 5);
  });
});
