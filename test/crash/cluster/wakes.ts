import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { newJobId } from '../../../src/jobs/domain/job-id.js';
import type { ClusterStage } from './cluster-stage.js';

const FOR_MS = 6_000;
const LATE_MS = 4_000;

/**
 * For some seconds wakes are lost (Redis is emptied again and again) or come late and in another order, those of jobs that
 * have had theirs come again, and some are of jobs that do not exist.
 */
export async function lie(stage: ClusterStage): Promise<void> {
  const { redis, topicPrefix } = stage;
  if (redis === null) return;
  const jobs = await stage.query<{ job_id: string }>("SELECT job_id FROM jobs WHERE state <> 'SUCCESS'");
  const queue = new Queue('batch-jobs', {
    connection: { url: redis.url, maxRetriesPerRequest: 1 },
    prefix: `{${topicPrefix}}`,
  });
  queue.on('error', () => undefined); // it may be away just now
  const late: Promise<unknown>[] = [];
  try {
    for (const end = Date.now() + FOR_MS; Date.now() < end; await sleep(50)) {
      const jobId = stage.random(4) === 0 || jobs.length === 0 ? newJobId() : stage.pick(jobs).job_id;
      if (stage.random(4) === 0) await redis.command('FLUSHALL').catch(() => undefined);
      late.push(sleep(stage.random(LATE_MS)).then(() => add(queue, jobId)));
    }
    await Promise.all(late);
  } finally {
    await queue.close().catch(() => undefined);
  }
}

async function add(queue: Queue, jobId: string): Promise<void> {
  const options = { jobId: `j-${jobId}`, removeOnComplete: true, removeOnFail: true };
  await queue.add('wake', null, options).catch(() => undefined);
}
