import { jest } from '@jest/globals';
import { pino } from 'pino';
import type { SinkWorker } from '../../../src/jobs/coordination/sink-worker.js';
import { SinkWorkers } from '../../../src/jobs/coordination/sink-workers.js';

const AGAIN_MS = 5_000;

describe('the workers of all sinks', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  /** One that cannot start `failures` times, as the store does not answer. */
  function workerThatFails(failures: number): { worker: SinkWorker; starts: () => number } {
    let starts = 0;
    const worker = {
      async start() {
        if (++starts <= failures) throw new Error('away');
      },
      async stop() {},
      wake() {},
    };
    return { worker: worker as unknown as SinkWorker, starts: () => starts };
  }
  const workersOf = (...workers: SinkWorker[]): SinkWorkers =>
    new SinkWorkers(workers, { onWake: () => undefined }, pino({ level: 'silent' }));

  it('start one that cannot again and again, and no other twice', async () => {
    const [one, other] = [workerThatFails(2), workerThatFails(0)];
    workersOf(one.worker, other.worker).start();
    for (let turn = 0; turn < 4; turn++) await jest.advanceTimersByTimeAsync(AGAIN_MS);
    expect([one.starts(), other.starts()]).toEqual([3, 1]);
  });

  it('start none again once they were stopped', async () => {
    const { worker, starts } = workerThatFails(9);
    const workers = workersOf(worker);
    workers.start();
    await jest.advanceTimersByTimeAsync(AGAIN_MS);
    await workers.stop();
    const before = starts();
    await jest.advanceTimersByTimeAsync(10 * AGAIN_MS);
    expect(starts()).toBe(before);
  });
});
