import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobsOptions } from 'bullmq';
import { connectRedis, keyPrefix, loadBullmq, waitingConnection } from './redis.js';

export interface WakesQueueOptions {
  url: string;
  topicPrefix: string;
  /** Called for the wakes of all processes, this one's included. Quick, never throws. */
  onWake: (jobId: string) => void;
  /** Called, perhaps often, when something has failed: the queue is of no use any more. */
  onFailure: (error: Error) => void;
}

/** BullMQ's queue of wakes, over connections that are not replaced when they fail. */
export interface WakesQueue {
  /** Resolves when Redis has them. */
  add(jobIds: readonly string[]): Promise<void>;
  /** Rejects unless what is added is heard. */
  test(): Promise<void>;
  /** What Redis does if its memory is full (`maxmemory-policy`); null: it does not say. */
  evictionPolicy(): Promise<string | null>;
  /** Resolves in bounded time, whatever Redis does. Never rejects. */
  close(): Promise<void>;
}

const NAME = 'batch-jobs';
/** Ids of digits only are not allowed. */
const WAKE = 'j-';
const HEARD_WITHIN_MS = 5_000;
const CLOSED_WITHIN_MS = 1_000;
const MESSAGE: JobsOptions = {
  attempts: 1,
  // One that is kept would silence all that come after it for its job.
  removeOnComplete: true,
  removeOnFail: true,
};

/** Rejects if Redis is not there. Hears what is added from when it resolves on. */
export async function openWakesQueue({ url, topicPrefix, onWake, onFailure }: WakesQueueOptions): Promise<WakesQueue> {
  const { Queue, QueueEvents, Worker } = await loadBullmq();
  const redis = await connectRedis(url);
  const shared = { prefix: keyPrefix(topicPrefix), skipVersionCheck: true };
  const waiting = { ...shared, connection: waitingConnection(url) };
  const queue = new Queue(NAME, {
    ...shared,
    connection: redis,
    skipWaitingForReady: true,
    streams: { events: { maxLen: 1_000 } },
    defaultJobOptions: MESSAGE,
  });
  const onEnd = (): void => onFailure(new Error('the connection to Redis has ended'));
  redis.on('error', onFailure).on('end', onEnd);
  queue.on('error', onFailure);

  // Where events are read from: between now and the first read nothing is missed.
  const [newest] = await redis.xrevrange(queue.keys['events'] ?? '', '+', '-', 'COUNT', 1).catch((error: unknown) => {
    redis.disconnect();
    throw error;
  });
  const events = new QueueEvents(NAME, { ...waiting, lastEventId: newest?.[0] ?? '0-0' });
  // It takes the messages out of the queue. All processes hear of each by its events.
  const worker = new Worker(NAME, async () => undefined, {
    ...waiting,
    lockDuration: 30_000,
    stalledInterval: 30_000,
    maxStalledCount: 1_000_000,
  });
  events.on('error', onFailure).on('ioredis:close', onEnd);
  worker.on('error', onFailure).on('ioredis:close', onEnd);

  const testId = `test-${randomBytes(8).toString('hex')}`;
  let onTest = (): void => undefined;
  const hear = ({ jobId }: { jobId: string }): void => {
    if (jobId.startsWith(WAKE)) onWake(jobId.slice(WAKE.length));
    else if (jobId === testId) onTest();
  };
  // `duplicated`: it waits in the queue already.
  events.on('added', hear).on('duplicated', hear);

  return {
    async add(jobIds) {
      await queue.addBulk(jobIds.map((jobId) => ({ name: 'wake', data: {}, opts: { jobId: WAKE + jobId } })));
    },
    async test() {
      const heard = new Promise<true>((resolve) => {
        onTest = () => resolve(true);
      });
      await queue.add('test', {}, { jobId: testId });
      if (await within(HEARD_WITHIN_MS, heard)) return;
      throw new Error('a message was not heard');
    },
    async evictionPolicy() {
      // Who may use a queue need not be allowed to ask.
      const memory = await redis.info('memory').catch(() => '');
      return /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? null;
    },
    async close() {
      // Those that wait for Redis may never end.
      await within(CLOSED_WITHIN_MS, Promise.allSettled([worker.close(true), events.close(), queue.close()]));
      redis.disconnect();
    },
  };
}

/** undefined: it took longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const tooLong = new AbortController();
  try {
    return await Promise.race([promise, sleep(ms, undefined, { signal: tooLong.signal })]);
  } finally {
    tooLong.abort();
  }
}
