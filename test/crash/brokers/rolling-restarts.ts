import { holdJobs, POINTS } from '../held-jobs.js';
import type { Scenario } from '../stage.js';
import type { BrokersStage } from './brokers-stage.js';
import { JOBS, ROWS } from './node-kills.js';

/** What an upgrade of the cluster does. Each node has its own jobs in open transactions, and uploads go on. */
export const rollingRestarts: Scenario<BrokersStage> = {
  name: 'rolling-restarts',
  what: 'SIGTERM of every node in turn, each back and in sync before the next',
  times: { long: 1, short: 0 },
  async run(stage, times) {
    await stage.enter({ JOB_CONCURRENCY: String(JOBS) });
    const file = stage.file(ROWS);
    for (let round = 0; round < times; round++) {
      for (const node of stage.shuffled(stage.nodes)) {
        const points = Array.from({ length: JOBS }, () => stage.pick(POINTS));
        const { jobIds, release } = await holdJobs(stage, file, points);
        const stopped = stage.takeAway(node, 'SIGTERM');
        stage.tally.fault('SIGTERM');
        release();
        jobIds.push(await stage.uploadAgain(file));
        await stopped;
        await stage.bringBack([node], 'restart');
        await stage.concluded(jobIds, file);
      }
    }
  },
};
