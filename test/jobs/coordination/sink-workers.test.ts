import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { SinkWorker } from '../../../src/jobs/coordination/sink-worker.js';
import { SinkWorkers } from '../../../src/jobs/coordination/sink-workers.js';

const AGAIN_MS = 5;

describe('the workers of all sinks', () => {
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
    new SinkWorkers(workers, { onWake: () => undefined }, pino({ level: 'silent' }), AGAIN_MS);

  it('start one that cannot again and again, and no other twice', async () => {
    const [one, other] = [workerThatFails(2), workerThatFails(0)];
    workersOf(one.worker, other.worker).start();
    while (one.starts() < 3) await sleep(1);
    await sleep(10 * AGAIN_MS);
    expect([one.starts(), other.starts()]).toEqual([3, 1]);
  });

  it('start none again once they were stopped', async () => {
    const { worker, starts } = workerThatFails(Number.POSITIVE_INFINITY);
    const workers = workersOf(worker);
    workers.start();
    while (starts() < 2) await sleep(1);
    await workers.stop();
    const before = starts();
    await sleep(10 * AGAIN_MS);
    expect(starts()).toBe(before);
  });
});
