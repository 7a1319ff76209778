import { holdJobs, POINTS } from '../held-jobs.js';
import type { RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import { type BrokersStage, ROLES, type Role } from './brokers-stage.js';

export const ROWS = 100_000;
export const JOBS = 3;

/** The node comes back at once, or when the jobs have ended without it. A node of several roles counts for each. */
export const nodeKills: Scenario<BrokersStage> = {
  name: 'node-kills',
  what: 'kill -9 of the leader, of either coordinator and of the controller, jobs in open transactions',
  times: { long: 2, short: 1 },
  async run(stage, times) {
    await stage.enter({ JOB_CONCURRENCY: String(JOBS) });
    const left = new Map(ROLES.map((role) => [role, times]));
    while (left.size > 0) await killOne(stage, stage.file(ROWS), left);
  },
};

async function killOne(stage: BrokersStage, file: RowFile, left: Map<Role, number>): Promise<void> {
  const points = Array.from({ length: JOBS }, () => stage.pick(POINTS));
  const { jobIds, release } = await holdJobs(stage, file, points);
  const roles = await stage.rolesFor(jobIds[0] as string);
  const node = roles[stage.pick([...left.keys()])];
  const isBackAtOnce = stage.random(2) === 0;
  await stage.takeAway(node, 'SIGKILL');
  const met = ROLES.filter((role) => roles[role] === node);
  stage.tally.fault(`kill -9 of ${met.join(' and ')}`);
  for (const role of met) {
    const count = left.get(role) ?? 1;
    if (count > 1) left.set(role, count - 1);
    else left.delete(role);
  }
  release();
  if (!isBackAtOnce) await Promise.all(jobIds.map((jobId) => stage.api.ended(jobId)));
  await stage.bringBack([node], 'restart');
  await stage.concluded(jobIds, file);
}
