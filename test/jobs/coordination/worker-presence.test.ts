import { pino } from 'pino';
import { WorkerPresence } from '../../../src/jobs/coordination/worker-presence.js';
import { WorkerStore } from '../../../src/jobs/store/worker-store.js';
import { parseAllowedSource } from '../../../src/sources/index.js';
import { ManualClock } from '../support/manual-clock.js';
import { openStore, type StoreFixture } from '../support/store-fixture.js';

describe('the presence of a worker', () => {
  const sources = ['s3://bucket/in', 'file:/data'].flatMap((text) => parseAllowedSource(text) ?? []);
  let fixture: StoreFixture;
  let clock: ManualClock;
  let workers: WorkerStore;
  let presence: WorkerPresence;
  /** What the store does next, in place of an answer. */
  let faults: ('fails' | 'hangs')[];
  let said: Promise<void>[];
  let failures: number;

  beforeEach(async () => {
    fixture = await openStore();
    clock = new ManualClock();
    workers = new WorkerStore(fixture.db, clock);
    [faults, said, failures] = [[], [], 0];
    const present: WorkerStore['present'] = (...given) => {
      const fault = faults.shift();
      if (fault === 'hangs') return new Promise(() => undefined);
      const answer = fault === 'fails' ? Promise.reject(new Error('away')) : workers.present(...given);
      said.push(answer.catch(() => undefined));
      return answer;
    };
    const write = (): void => {
      failures += 1;
    };
    const log = pino({ level: 'error' }, { write });
    presence = new WorkerPresence({ workers: { present }, owner: 'we', sources, clock, log });
  });
  afterEach(async () => {
    await presence.stop();
    await fixture.close();
  });

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      clock.advance(Math.min(left, 1_000));
      await Promise.all(said);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it('is said at once, and again in time for as long as the worker is there', async () => {
    presence.start();
    await pass(1);
    expect(await workers.sources()).toEqual(sources);
    for (let minute = 0; minute < 5; minute++) {
      await pass(60_000);
      expect(await workers.sources()).toEqual(sources);
    }
    expect([said.length, failures]).toEqual([31, 0]);
  });

  it('outlives a store that fails once, and one that hangs once', async () => {
    presence.start();
    await pass(1);
    faults = ['fails'];
    await pass(29_000);
    expect(await workers.sources()).toEqual(sources);
    faults = ['hangs'];
    await pass(29_000);
    expect([await workers.sources(), failures]).toEqual([sources, 2]);
  });

  it('lapses within half a minute after the worker has stopped, and says nothing more', async () => {
    presence.start();
    await pass(1);
    await presence.stop();
    const before = said.length;
    await pass(31_000);
    expect([await workers.sources(), said.length, clock.pending]).toEqual([[], before, 0]);
  });

  it('stops though the store hangs', async () => {
    faults = ['hangs'];
    presence.start();
    clock.advance(1);
    const stopped = presence.stop();
    clock.advance(5_000);
    await stopped;
    expect(clock.pending).toBe(0);
  });
});
