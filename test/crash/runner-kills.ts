import { isAlive, runnerOf } from '../kit/runners.js';
import { type Scenario, type Stage, signal } from './stage.js';

const ROWS = 1_000_000;
/** A runner lives for up to one of these: some die before they have sent anything, some after several commits. */
const LIVES_MS = [100, 400, 1_200];
/** Every so manieth job is read by the fast reader, which takes fewer kills. */
const FAST_EVERY = 4;

/** A job takes as many as its rows last for; then the next job takes on. */
export const runnerKills: Scenario = {
  name: 'runner-kills',
  what: 'kill -9 of the runner at random moments, 1,000,000 rows a job',
  times: { long: 200, short: 5 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(times < 50 ? ROWS / 5 : ROWS);
    for (let job = 1; stage.tally.faultCount < times; job++) {
      const jobId = await stage.createJob(file, job % FAST_EVERY === 0 ? 'auto' : 'reference');
      await killUntilEnded(stage, jobId, times);
      await stage.delivered(jobId, file);
    }
  },
};

async function killUntilEnded(stage: Stage, jobId: string, times: number): Promise<void> {
  let last: number | undefined;
  while (stage.tally.faultCount < times) {
    const { state } = await stage.api.job(jobId);
    if (state !== 'PENDING' && state !== 'RUNNING') return;
    const pid = runnerOf(stage.service, jobId);
    if (pid === undefined || pid === last) continue;
    await stage.pause(stage.pick(LIVES_MS));
    // A runner that has finished in the meantime does not count as the kill of a job.
    if (!isAlive(pid) || (await stage.api.job(jobId)).state !== 'RUNNING') continue;
    if (signal(pid)) stage.tally.fault('kill -9');
    last = pid;
  }
}
