import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JobNotifier } from '../../src/jobs/queue/job-notifier.js';

/** One notifier, as several processes have it. */
export interface NotifierUnderTest {
  /** The notifier of one more process; of an adapter within a process, the same again. */
  connect(): Promise<JobNotifier>;
  /** Frees what the test took. */
  dispose(): Promise<void>;
}

/** Wakes may be lost: one that has not come after this time is announced again. */
const AGAIN_MS = 500;

/** What every JobNotifier does, whatever is behind it. */
export function describesJobNotifier(name: string, setUp: () => Promise<NotifierUnderTest>): void {
  describe(`a job notifier: ${name}`, () => {
    let underTest: NotifierUnderTest;
    const connected = new Set<JobNotifier>();

    beforeEach(async () => {
      underTest = await setUp();
    });
    afterEach(async () => {
      for (const notifier of connected) await notifier.close();
      connected.clear();
      await underTest.dispose();
    });

    async function connect(): Promise<JobNotifier> {
      const notifier = await underTest.connect();
      connected.add(notifier);
      return notifier;
    }

    /** Notifies until `woken` says that all have come. */
    async function notifyUntil(notifier: JobNotifier, jobIds: readonly string[], woken: () => boolean): Promise<void> {
      while (!woken()) {
        for (const jobId of jobIds) notifier.notify(jobId);
        for (const end = performance.now() + AGAIN_MS; !woken() && performance.now() < end; ) await nextTurn();
      }
    }

    it('wakes every listener of every process, with the id of the job', async () => {
      const [api, worker] = [await connect(), await connect()];
      const heard: string[][] = [[], [], []];
      worker.onWake((jobId) => heard[0]?.push(jobId));
      worker.onWake((jobId) => heard[1]?.push(jobId));
      api.onWake((jobId) => heard[2]?.push(jobId));
      const jobs = ['00000001', 'zzzzzzzz', '12345678'];
      await notifyUntil(api, jobs, () => heard.every((ids) => jobs.every((jobId) => ids.includes(jobId))));
      for (const ids of heard) expect([...new Set(ids)].sort()).toEqual([...jobs].sort());
    });

    it('wakes again for a job that it has woken for before', async () => {
      const notifier = await connect();
      let wakes = 0;
      notifier.onWake(() => {
        wakes++;
      });
      for (let time = 1; time <= 3; time++) {
        const before = wakes;
        await notifyUntil(notifier, ['aaaaaaaa'], () => wakes > before);
      }
    });

    it('never calls a listener before notify has returned', async () => {
      const notifier = await connect();
      let isNotifying = false;
      const early: boolean[] = [];
      notifier.onWake(() => early.push(isNotifying));
      const notify = (jobId: string): void => {
        isNotifying = true;
        notifier.notify(jobId);
        isNotifying = false;
      };
      await notifyUntil({ ...notifier, notify } as JobNotifier, ['aaaaaaaa'], () => early.length > 0);
      expect(early).not.toContain(true);
    });

    it('lets a listener notify in its turn', async () => {
      const notifier = await connect();
      const heard = new Set<string>();
      notifier.onWake((jobId) => {
        heard.add(jobId);
        if (jobId === 'aaaaaaaa') notifier.notify('bbbbbbbb');
      });
      await notifyUntil(notifier, ['aaaaaaaa'], () => heard.has('bbbbbbbb'));
    });

    it('is quiet once it is closed, also about what was notified just before', async () => {
      const [closed, other] = [await connect(), await connect()];
      let wakes = 0;
      closed.onWake(() => {
        wakes++;
      });
      closed.notify('aaaaaaaa');
      await closed.close();
      await closed.close();
      const before = wakes;
      closed.notify('aaaaaaaa');
      other.notify('aaaaaaaa');
      await nextTurn();
      expect(wakes).toBe(before);
    });
  });
}
