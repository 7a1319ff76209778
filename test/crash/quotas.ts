import type { Job } from '../../src/jobs/domain/job.js';
import { alterConfigs } from '../kit/kafka-configs.js';
import { throttleTime } from '../kit/kafka-frames.js';
import { holdJobs, ROWS_UNACKNOWLEDGED } from './held-jobs.js';
import type { RowFile } from './rows.js';
import { MODEL, type Scenario, type Stage, until } from './stage.js';

type Quota = 'producer_byte_rate' | 'controller_mutation_rate';

const ROWS = 200_000;
const SMALL_ROWS = 2_000;
const BYTES_A_SECOND = 1_000_000;
/** A job needs two of them. */
const CREATIONS_A_SECOND = 0.1;
const UPLOADS = 50;
const THROTTLED_MS = 300_000;

/** What the operators of a shared cluster do, and take back. */
export const quotas: Scenario = {
  name: 'quotas',
  what: 'producer_byte_rate set and lifted in open transactions; controller_mutation_rate until an upload is refused',
  times: { long: 4, short: 0 },
  async run(stage, times) {
    await stage.enter();
    for (let round = 0; round < times; round++) {
      if (round % 2 === 0) await throttle(stage, stage.file(ROWS));
      else await refuseTopics(stage, stage.file(SMALL_ROWS));
    }
  },
};

/** Sets the quota of the service's client id, per second; null removes it. */
async function setQuota(stage: Stage, quota: Quota, rate: number | null): Promise<void> {
  const change = rate === null ? ['--delete-config', quota] : ['--add-config', `${quota}=${rate}`];
  await alterConfigs(stage.broker.brokers, ['--entity-type', 'clients', '--entity-name', 'batch'], change);
}

/** Two transactions are committed under the quota: the job goes on with it. */
async function throttle(stage: Stage, file: RowFile): Promise<void> {
  const { jobIds, release } = await holdJobs(stage, file, [ROWS_UNACKNOWLEDGED]);
  let throttled = 0;
  await setQuota(stage, 'producer_byte_rate', BYTES_A_SECOND);
  stage.interference = {
    delivered: ({ api, answer }) => {
      if (throttleTime(api, answer) > 0) throttled += 1;
    },
  };
  release();
  try {
    await until('a throttled answer', THROTTLED_MS, () => throttled > 0 || undefined);
    stage.tally.fault('producer_byte_rate');
    const { commits } = stage;
    await until('a commit under the quota', THROTTLED_MS, () => stage.commits > commits || undefined);
  } finally {
    await setQuota(stage, 'producer_byte_rate', null);
  }
  for (const jobId of jobIds) await stage.delivered(jobId, file);
}

async function refuseTopics(stage: Stage, file: RowFile): Promise<void> {
  const jobIds: string[] = [];
  await setQuota(stage, 'controller_mutation_rate', CREATIONS_A_SECOND);
  try {
    for (let uploads = 0; ; uploads++) {
      const response = await stage.api.upload(MODEL, file.path);
      if (response.status === 202) jobIds.push(((await response.json()) as Job).job_id);
      else {
        stage.tally.fault('controller_mutation_rate');
        stage.tally.event(`upload: ${response.status}`);
        const isTold = response.status === 503 && Number(response.headers.get('retry-after')) > 0;
        if (!isTold) stage.tally.fail(`upload: ${response.status} ${await response.text()}, without Retry-After`);
        break;
      }
      if (uploads >= UPLOADS) throw new Error(`${UPLOADS} uploads met no quota`);
    }
  } finally {
    await setQuota(stage, 'controller_mutation_rate', null);
  }
  for (const jobId of jobIds) await stage.delivered(jobId, file);
  await stage.delivered(await retried(stage, file), file);
}

/** A client tries again after the time that it was told. */
async function retried(stage: Stage, file: RowFile): Promise<string> {
  return until('an upload to be taken', THROTTLED_MS, async () => {
    const response = await stage.api.upload(MODEL, file.path);
    const body = (await response.json()) as Job;
    return response.status === 202 ? body.job_id : undefined;
  });
}
