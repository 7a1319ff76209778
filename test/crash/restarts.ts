import { type Scenario } from './stage.js';

const ROWS = 1_000_000;
const MAX_LIFE_MS = 1_500;

/** What a deployment does. */
export const restarts: Scenario = {
  name: 'restarts',
  what: 'SIGTERM of the service in the middle of a job, and a new one',
  times: { long: 10, short: 0 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    while (stage.tally.faultCount < times) {
      const jobId = await stage.createJob(file);
      while (stage.tally.faultCount < times) {
        await stage.pause(MAX_LIFE_MS);
        if ((await stage.api.job(jobId)).state !== 'RUNNING') break;
        await stage.service.kill('SIGTERM');
        stage.tally.fault('SIGTERM');
        await stage.restart();
      }
      await stage.delivered(jobId, file);
    }
  },
};
