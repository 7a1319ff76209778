import { setTimeout as sleep } from 'node:timers/promises';
import type { Interference } from '../../kit/kafka-proxy.js';
import { BEFORE_ROWS, holdJobs, POINTS } from '../held-jobs.js';
import type { RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import type { BrokersStage } from './brokers-stage.js';
import { JOBS, ROWS } from './node-kills.js';

const LOST_MS = 30_000;
const ENDED_MS = 180_000;
/** Jobs fail while the replicas are away, and are resumed. */
const UNAVAILABLE_AFTER_MS = 10_000;
const DEFAULT_UNAVAILABLE_AFTER_MS = 300_000;
const REFUSALS = new Map([
  [15, 'COORDINATOR_NOT_AVAILABLE'],
  [19, 'NOT_ENOUGH_REPLICAS'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
]);

const WAYS = ['stopped', 'frozen', 'stopped, jobs fail'] as const;

/** Two of three nodes are away: what is left leads, but must not acknowledge anything. */
export const lostIsr: Scenario<BrokersStage> = {
  name: 'lost-isr',
  what: `both followers of the job's topic stopped or frozen for ${LOST_MS / 1000} s, or until the jobs have failed`,
  times: { long: 3, short: 0 },
  async run(stage, times) {
    for (let round = 0; round < times; round++) {
      const way = WAYS[round % WAYS.length] as (typeof WAYS)[number];
      const unavailableAfterMs = way === 'stopped, jobs fail' ? UNAVAILABLE_AFTER_MS : DEFAULT_UNAVAILABLE_AFTER_MS;
      await stage.enter({
        JOB_CONCURRENCY: String(JOBS),
        KAFKA_UNAVAILABLE_AFTER_MS: String(unavailableAfterMs),
        JOB_MAX_ATTEMPTS: '1',
      });
      await loseIsr(stage, stage.file(ROWS), way);
    }
  },
};

async function loseIsr(stage: BrokersStage, file: RowFile, way: (typeof WAYS)[number]): Promise<void> {
  // The first sends its rows as soon as it is released.
  const { jobIds, release } = await holdJobs(stage, file, [BEFORE_ROWS, stage.pick(POINTS), stage.pick(POINTS)]);
  const { topics } = await stage.api.job(jobIds[0] as string);
  const { leader } = await stage.rolesFor(jobIds[0] as string);
  const followers = stage.nodes.filter((node) => node !== leader);
  if (way === 'frozen') {
    // Without a quorum of the controllers nobody takes them from the in-sync replicas: the leader waits for them.
    await Promise.all(followers.map((node) => stage.takeAway(node, 'SIGSTOP')));
  } else {
    // Each in turn says goodbye to a controller, which takes it from the in-sync replicas.
    for (const node of followers) await stage.takeAway(node, 'SIGTERM');
    await stage.replicatedBy(topics.data, [leader]);
  }
  stage.tally.fault(`followers ${way}`);
  stage.interference = countRefusals(stage);
  release();
  if (way === 'stopped, jobs fail') await Promise.all(jobIds.map((jobId) => stage.api.ended(jobId, ENDED_MS)));
  else await sleep(LOST_MS);
  await stage.bringBack(followers, way === 'frozen' ? 'SIGCONT' : 'restart');
  await stage.concluded(jobIds, file);
}

function countRefusals(stage: BrokersStage): Interference {
  return {
    reply({ api, error }) {
      const refusal = REFUSALS.get(error ?? 0);
      if (refusal !== undefined) stage.tally.event(`${api}: ${refusal}`);
      return 'pass';
    },
  };
}
