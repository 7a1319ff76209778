import { electLeader, leaderOf } from '../../kit/cluster-queries.js';
import { holdJobs, POINTS } from '../held-jobs.js';
import type { RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import { type BrokersStage, INTERNAL_TOPICS } from './brokers-stage.js';
import { JOBS, ROWS } from './node-kills.js';

/** What an operator does to balance a cluster: every node is there all the time. */
export const elections: Scenario<BrokersStage> = {
  name: 'elections',
  what: 'the leader moved to another node: of a topic of the job, of its transactions, of its offsets',
  times: { long: 8, short: 0 },
  async run(stage, times) {
    await stage.enter({ JOB_CONCURRENCY: String(JOBS) });
    for (let round = 0; round < times; round++) await elect(stage, stage.file(ROWS), round);
  },
};

async function elect(stage: BrokersStage, file: RowFile, round: number): Promise<void> {
  const points = Array.from({ length: JOBS }, () => stage.pick(POINTS));
  const { jobIds, release } = await holdJobs(stage, file, points);
  const { topics } = await stage.api.job(jobIds[0] as string);
  const [kind, topic] = [['data', topics.data], ['dlq', topics.dlq], ...INTERNAL_TOPICS.map((name) => [name, name])][
    round % 4
  ] as [string, string];
  const leader = await leaderOf(stage.reachable, topic);
  const next = stage.pick(stage.nodes.filter((node) => node !== leader));
  await electLeader(stage.reachable, topic, next);
  stage.tally.fault(`leader of ${kind} moved`);
  release();
  await stage.concluded(jobIds, file);
}
