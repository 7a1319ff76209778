import type { RowFile } from './rows.js';
import { type Scenario, type Stage } from './stage.js';

/** Small files are about through when the cancel comes, larger ones in the middle. */
const SMALL_ROWS = 2_000;
const LARGE_ROWS = 100_000;
const LARGE_EVERY = 5;
const AT_ONCE = 2;

export const cancels: Scenario = {
  name: 'cancels',
  what: 'cancel at a random moment of small and larger jobs, resume where it came in time',
  times: { long: 150, short: 6 },
  async run(stage, times) {
    await stage.enter();
    const small = await measured(stage, SMALL_ROWS);
    const large = await measured(stage, LARGE_ROWS);
    for (let done = 0; done < times; done += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, times - done) }, (_, index) =>
        cancelOne(stage, (done + index) % LARGE_EVERY === LARGE_EVERY - 1 ? large : small),
      );
      await Promise.all(batch);
    }
  },
};

interface Timed {
  file: RowFile;
  /** How long a job with it takes on this machine now. */
  ms: number;
}

async function measured(stage: Stage, rows: number): Promise<Timed> {
  const file = stage.file(rows);
  const started = performance.now();
  const jobId = await stage.createJob(file);
  await stage.api.ended(jobId);
  const ms = performance.now() - started;
  await stage.delivered(jobId, file);
  return { file, ms };
}

async function cancelOne(stage: Stage, { file, ms }: Timed): Promise<void> {
  const jobId = await stage.createJob(file);
  await stage.pause(Math.ceil(ms));
  const answer = await stage.api.cancel(jobId);
  stage.tally.fault('cancel');
  const job = await stage.api.ended(jobId);
  stage.tally.event(`DELETE ${answer.status}, ${job.state}`);
  if (job.state !== 'CANCELLED') {
    await stage.delivered(jobId, file);
    return;
  }
  // What is committed by then is a prefix of the file, and the job says how long it is.
  await stage.holds(job, file, job.totals);
  const resumed = await stage.api.resume(jobId);
  if (resumed.status !== 202) stage.tally.fail(`resume of ${jobId}: ${resumed.status} ${await resumed.text()}`);
  await stage.delivered(jobId, file);
}
