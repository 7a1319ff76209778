import type { Exchange, Verdict } from '../../kit/kafka-proxy.js';
import { holdJobs, POINTS } from '../held-jobs.js';
import { until } from '../job-stage.js';
import type { RowFile } from '../rows.js';
import { MODEL, type Scenario } from '../stage.js';
import { type BrokersStage, ROLES, type Role } from './brokers-stage.js';
import { JOBS, ROWS } from './node-kills.js';

/** A request is given 30 s. */
const NOTICED_MS = 180_000;
const WAYS = ['cut', 'drop'] as const;
const CUT_ROLES: readonly Role[] = ['leader', 'transaction coordinator', 'group coordinator'];

/** For the other nodes it is as well as ever, so nobody takes over. */
export const cutNodes: Scenario<BrokersStage> = {
  name: 'cut-nodes',
  what: 'one node out of reach for the service only, refusing or silent, until a runner has tried it again',
  times: { long: 3, short: 0 },
  async run(stage, times) {
    await stage.enter({ JOB_CONCURRENCY: String(JOBS) });
    for (let round = 0; round < times; round++) {
      const role = CUT_ROLES[round % CUT_ROLES.length] as Role;
      await cutOff(stage, stage.file(ROWS), role, WAYS[round % WAYS.length] as (typeof WAYS)[number]);
    }
  },
};

async function cutOff(stage: BrokersStage, file: RowFile, role: Role, way: (typeof WAYS)[number]): Promise<void> {
  const points = Array.from({ length: JOBS }, () => stage.pick(POINTS));
  const { jobIds, release } = await holdJobs(stage, file, points);
  const roles = await stage.rolesFor(jobIds[0] as string);
  const node = roles[role];
  let isTriedAgain = false;
  const refuse = (exchange: Exchange): Verdict => {
    // The first request of a connection: one before was given up.
    isTriedAgain ||= exchange.correlationId === 0 && stage.isRunner(exchange);
    return way;
  };
  stage.proxyOf(node).interference = { request: refuse, reply: () => way };
  stage.tally.fault(
    `${ROLES.filter((each) => roles[each] === node).join(' and ')} ${way === 'cut' ? 'refusing' : 'silent'}`,
  );
  release();
  await until('a runner to try the node again', NOTICED_MS, () => isTriedAgain || undefined);
  // An upload may need the node as well; if it does not, or another does as well, it is taken.
  const upload = await stage.api.upload(MODEL, file.path);
  stage.tally.event(`upload meanwhile: ${upload.status}`);
  if (upload.status === 202) jobIds.push(((await upload.json()) as { job_id: string }).job_id);
  else if (upload.status !== 503) stage.tally.fail(`upload: ${upload.status} ${await upload.text()}`);
  stage.interference = {};
  await stage.concluded(jobIds, file);
}
