import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runnerPids } from '../../kit/runners.js';
import { holdJobs, POINTS } from '../held-jobs.js';
import { signal, until } from '../job-stage.js';
import type { RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import type { BrokersStage } from './brokers-stage.js';
import { JOBS, ROWS } from './node-kills.js';

const HOUR_MS = 3_600_000;
const HOOK = resolve('test/kit/stepping-clock.mjs');
const STEPPED_MS = 60_000;
/** Against the true time. */
const OFFSETS = [3 * HOUR_MS, -5 * HOUR_MS, 26 * HOUR_MS, -1 * HOUR_MS];

/** The wall clock of the service and its runners, as somebody sets it; the monotonic one goes on. */
export const clockSteps: Scenario<BrokersStage> = {
  name: 'clock-steps',
  what: "the service's clock set forward and back by hours, jobs in open transactions; then a restart",
  times: { long: 4, short: 0 },
  async run(stage, times) {
    const folder = stage.folder;
    await stage.enter({
      JOB_CONCURRENCY: String(JOBS),
      NODE_OPTIONS: `--import=${HOOK}`,
      STEPPING_CLOCK_FOLDER: folder,
    });
    for (let round = 0; round < times; round++) {
      await stepClock(stage, stage.file(ROWS), OFFSETS[round % OFFSETS.length] as number);
    }
  },
};

async function stepClock(stage: BrokersStage, file: RowFile, offsetMs: number): Promise<void> {
  const points = Array.from({ length: JOBS }, () => stage.pick(POINTS));
  const { jobIds, release } = await holdJobs(stage, file, points);
  writeFileSync(join(stage.folder, 'offset'), String(offsetMs));
  const pids = [stage.service.pid, ...runnerPids(stage.service)];
  for (const pid of pids) signal(pid, 'SIGUSR2');
  for (const pid of pids) {
    await until(`the clock of ${pid}`, STEPPED_MS, () => offsetOf(stage.folder, pid) === offsetMs || undefined);
  }
  stage.tally.fault(`${offsetMs > 0 ? '+' : ''}${offsetMs / HOUR_MS} h`);
  release();
  await stage.concluded(jobIds, file);
  // What it stored by one clock it reads by the other.
  await stage.service.kill('SIGTERM');
  await stage.restart();
  const next = await stage.createJob(file);
  await stage.concluded([next], file);
}

/** What a process says that its clock is set to; undefined before it has. */
function offsetOf(folder: string, pid: number): number | undefined {
  try {
    return Number(readFileSync(join(folder, `offset.${pid}`), 'utf8'));
  } catch {
    return undefined;
  }
}
