import { topicEnds } from '../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../src/jobs/domain/job.js';
import { type Deliverable, type LostMarkers, loseMarkers, withoutVerification } from '../kit/hanging-transaction.js';
import { readTopic } from '../kit/topic.js';
import { openTransactions } from './open-transactions.js';
import { makeRow, type RowFile } from './rows.js';
import type { Stage } from './stage.js';

const END_MS = 300_000;

/** All but the last can be repaired. */
export const FORCED: readonly LostMarkers[] = [
  { decision: 'abort', lost: ['data', 'dlq'] },
  { decision: 'abort', lost: ['data'] },
  { decision: 'abort', lost: ['dlq'] },
  { decision: 'commit', lost: ['data', 'dlq'] },
  { decision: 'commit', lost: ['data'] },
  { decision: 'commit', lost: ['dlq'] },
  { decision: 'abort', lost: ['offsets'] },
  { decision: 'abort', lost: ['data', 'dlq', 'offsets'] },
  { decision: 'commit', lost: ['offsets'] },
  { decision: 'commit', lost: ['data'], beyond: true },
];

/** `ABORT lost in data and dlq and offsets` */
export function kindOf({ decision, lost, beyond = false }: LostMarkers): string {
  return `${decision.toUpperCase()} lost in ${lost.join(' and ')}${beyond ? ', more rows behind' : ''}`;
}

/** What the service that runs has repaired of a job, each as `kindOf` says it. */
export function repairsOf(stage: Stage, jobId: string): string[] {
  const lines = stage.service.log().split('\n');
  const ours = lines.filter((line) => line.includes('a transaction marker was lost') && line.includes(jobId));
  return ours.flatMap((line) => {
    const repair = JSON.parse(line) as Record<LostMarkers['decision'], LostMarkers['lost']>;
    return (['abort', 'commit'] as const)
      .filter((decision) => repair[decision].length > 0)
      .map((decision) => kindOf({ decision, lost: repair[decision] }));
  });
}

/** One job for each: the service is killed, the markers of the job's last transaction are lost, the service comes back. */
export async function forceLostMarkers(stage: Stage, file: RowFile, kinds: readonly LostMarkers[]): Promise<void> {
  if (kinds.length === 0) return;
  const deliverable = await deliverOnce(stage, file);
  const { jobIds } = await openTransactions(stage, file, kinds.length, 'AddOffsetsToTxn');
  const jobs = await Promise.all(jobIds.map((jobId) => stage.api.job(jobId)));
  await stage.service.kill('SIGKILL');
  stage.proxy.interference = {};
  const forced: { job: Job; kind: LostMarkers; written: number }[] = [];
  for (const [index, kind] of kinds.entries()) {
    const job = jobs[index] as Job;
    await withoutVerification(stage.broker.brokers, () => loseMarkers(stage.broker.brokers, job, deliverable, kind));
    for (const topic of kind.lost) {
      if (topic === 'offsets') continue;
      const { readable, written } = await topicEnds(stage.broker.brokers, job.topics[topic]);
      if (readable >= written) stage.tally.fail(`${job.topics[topic]}: no transaction is open, ${kindOf(kind)}`);
    }
    forced.push({ job, kind, written: (await topicEnds(stage.broker.brokers, job.topics.data)).written });
    stage.tally.fault(`${kindOf(kind)}, forced`);
  }
  await stage.restart();
  for (const each of forced) await judge(stage, file, each);
}

async function judge(
  stage: Stage,
  file: RowFile,
  { job: { job_id, topics }, kind, written }: { job: Job; kind: LostMarkers; written: number },
): Promise<void> {
  const { state, error } = await stage.api.ended(job_id, END_MS);
  const repairs = repairsOf(stage, job_id).join('; ');
  if (kind.beyond !== true) {
    await stage.delivered(job_id, file);
    if (repairs === kindOf(kind)) stage.tally.event('repaired');
    else stage.tally.fail(`job ${job_id}, ${kindOf(kind)}: repaired "${repairs}"`);
    return;
  }
  await stage.prefix(job_id, file);
  if (state !== 'FAILED' || error?.code !== 'CHECKPOINT_LOST' || repairs !== '') {
    stage.tally.fail(`job ${job_id}, ${kindOf(kind)}: ended ${state} ${error?.code}, repaired "${repairs}"`);
  }
  const { written: end } = await topicEnds(stage.broker.brokers, topics.data);
  if (end !== written) stage.tally.fail(`job ${job_id}: ${topics.data} ended at ${written}, now at ${end}`);
  stage.tally.event('failed closed as CHECKPOINT_LOST');
}

/** The rows of the file, and the DLQ records that a job of it has made. */
async function deliverOnce(stage: Stage, file: RowFile): Promise<Deliverable> {
  const jobId = await stage.createJob(file, 'auto');
  await stage.delivered(jobId, file);
  const { topics } = await stage.api.job(jobId);
  const dlq = await readTopic(stage.broker.brokers, topics.dlq);
  return {
    accepted: Array.from(file.accepted, (number) => makeRow(file.seed, number).text),
    rejected: file.rejected,
    dlq: dlq.map(({ value }) => value),
  };
}
