import { isDeepStrictEqual } from 'node:util';
import { connectRedis, keyPrefix, loadBullmq } from './redis.js';

/** What the queue says of a failed job: no row values, and no message that might hold some. */
export interface DeadJob {
  job_id: string;
  model_id: string;
  error_code: string;
  finished_at: string | null;
}

export interface DeadJobsQueueOptions {
  url: string;
  topicPrefix: string;
}

const NAME = 'batch-dead';
/** Ids of digits only are not allowed. */
const ID = 'j-';

/**
 * Makes BullMQ's queue of failed jobs hold these and no others, waiting, in their order. What somebody works on stays
 * until the next time. Rejects if Redis is away, or when the signal says so.
 */
export async function replaceDeadJobs(
  { url, topicPrefix }: DeadJobsQueueOptions,
  jobs: readonly DeadJob[],
  signal: AbortSignal,
): Promise<void> {
  const { Queue } = await loadBullmq();
  const connection = await connectRedis(url, signal);
  const queue = new Queue<DeadJob>(NAME, {
    connection,
    prefix: keyPrefix(topicPrefix),
    skipVersionCheck: true,
    skipWaitingForReady: true,
  });
  // What fails rejects, too.
  queue.on('error', () => undefined);
  try {
    const missing = new Map(jobs.map((job) => [ID + job.job_id, job]));
    const waiting = new Set((await queue.getJobs(['waiting', 'prioritized'])).map(({ id }) => id));
    for (const entry of await queue.getJobs()) {
      const id = entry.id ?? '';
      if (waiting.has(id) && isDeepStrictEqual(entry.data, missing.get(id))) missing.delete(id);
      // Where somebody works on it, it stays for now; where Redis is away, this rejects.
      else await entry.remove().catch(() => entry.getState());
    }
    await queue.addBulk([...missing].map(([jobId, data]) => ({ name: data.error_code, data, opts: { jobId } })));
  } finally {
    await queue.close().catch(() => undefined);
    connection.disconnect();
  }
}
