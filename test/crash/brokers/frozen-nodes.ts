import { setTimeout as sleep } from 'node:timers/promises';
import { holdJobs, POINTS, ROWS_UNACKNOWLEDGED } from '../held-jobs.js';
import type { RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import { type BrokersStage, ROLES, type Role } from './brokers-stage.js';
import { JOBS, ROWS } from './node-kills.js';

/** Longer than a transaction may last (30 s), and than a request is waited for. */
const FROZEN_MS = 40_000;

/** The node believes itself leader when it wakes, and finds requests that came in its sleep. */
export const frozenNodes: Scenario<BrokersStage> = {
  name: 'frozen-nodes',
  what: `a node of each role frozen (SIGSTOP) for ${FROZEN_MS / 1000} s, jobs in open transactions`,
  times: { long: 4, short: 0 },
  run: (stage, times) => freezeAll(stage, times, ROLES, FROZEN_MS),
};

export const wokenLeaders: Scenario<BrokersStage> = {
  name: 'woken-leaders',
  what: 'the leader frozen in open transactions, and woken as soon as there is another',
  times: { long: 2, short: 1 },
  run: (stage, times) => freezeAll(stage, times, ['leader'], 0),
};

async function freezeAll(stage: BrokersStage, times: number, roles: readonly Role[], frozenMs: number): Promise<void> {
  await stage.enter({ JOB_CONCURRENCY: String(JOBS) });
  for (let round = 0; round < times; round++) {
    await freeze(stage, stage.file(ROWS), roles[round % roles.length] as Role, frozenMs);
  }
}

async function freeze(stage: BrokersStage, file: RowFile, role: Role, frozenMs: number): Promise<void> {
  const { jobIds, release } = await holdJobs(stage, file, [
    ROWS_UNACKNOWLEDGED,
    stage.pick(POINTS),
    stage.pick(POINTS),
  ]);
  const roles = await stage.rolesFor(jobIds[0] as string);
  const node = roles[role];
  const topics = await stage.topicsLedBy(node, jobIds);
  const frozenAt = performance.now();
  await stage.takeAway(node, 'SIGSTOP');
  stage.tally.fault(`${ROLES.filter((each) => roles[each] === node).join(' and ')} frozen`);
  release();
  for (const topic of topics) await stage.successorOf(node, topic);
  await sleep(Math.max(0, frozenAt + frozenMs - performance.now()));
  await stage.bringBack([node], 'SIGCONT');
  await stage.concluded(jobIds, file);
}
