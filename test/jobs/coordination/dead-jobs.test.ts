import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { pino } from 'pino';
import { DeadJobs } from '../../../src/jobs/coordination/dead-jobs.js';
import type { StoredJobSummary } from '../../../src/jobs/domain/stored-job.js';
import { type DeadJob, replaceDeadJobs } from '../../../src/jobs/queue/bullmq/dead-jobs-queue.js';
import { loadBullmq } from '../../../src/jobs/queue/bullmq/redis.js';
import type { JobFilter } from '../../../src/jobs/store/job-store.js';
import { freePort } from '../../kit/ports.js';
import { hasRedis, type RedisServer, startRedis } from '../../kit/redis.js';
import { ManualClock } from '../support/manual-clock.js';

const ROUND_MS = 30_000;
const failed = (jobId: string, finishedAt = '2026-03-01T12:00:00.000Z'): StoredJobSummary =>
  ({
    jobId,
    modelId: 'orders',
    finishedAt,
    error: { code: 'RUNNER_CRASHED', message: 'what may hold a value' },
  }) as StoredJobSummary;
const shown = (jobId: string, finished_at = '2026-03-01T12:00:00.000Z'): DeadJob => ({
  job_id: jobId,
  model_id: 'orders',
  error_code: 'RUNNER_CRASHED',
  finished_at,
});

/** A store that has these jobs, newest first. */
function storeOf(jobs: StoredJobSummary[]) {
  const asked: JobFilter[] = [];
  return {
    asked,
    async list(filter: JobFilter) {
      asked.push(filter);
      const from = Number(filter.cursor ?? 0);
      const to = from + filter.limit;
      return { items: jobs.slice(from, to), nextCursor: to < jobs.length ? String(to) : null };
    },
  };
}

describe('the copy of failed jobs', () => {
  it('is of those that can be resumed, the newest 1,000, while this process leads', async () => {
    const jobs = Array.from({ length: 1_234 }, (_, at) => failed(`job${at}`));
    const store = storeOf(jobs);
    const clock = new ManualClock();
    const leader = { epoch: null as number | null };
    const copies: (readonly DeadJob[])[] = [];
    const replace = async (copy: readonly DeadJob[]) => void copies.push(copy);
    const dead = new DeadJobs({ store, replace, leader, clock, log: pino({ level: 'silent' }) });
    dead.start();
    clock.advance(ROUND_MS);
    await sleep(1);
    expect(copies).toEqual([]);
    leader.epoch = 1;
    clock.advance(ROUND_MS);
    while (copies.length === 0) await sleep(5);
    expect(copies).toHaveLength(1);
    expect(copies[0]).toHaveLength(1_000);
    expect([copies[0]?.[0], copies[0]?.at(-1)]).toEqual([shown('job999'), shown('job0')]);
    expect(store.asked[0]).toEqual({ state: 'FAILED', resumable: true, limit: 100 });
    await dead.stop();
  });

  it('is tried again if it fails, with one warning', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    const clock = new ManualClock();
    const url = `redis://:secret@127.0.0.1:${await freePort()}`;
    await loadBullmq();
    let tries = 0;
    const replace = async (jobs: readonly DeadJob[], signal: AbortSignal) => {
      try {
        await replaceDeadJobs({ url, topicPrefix: 'batch' }, jobs, signal);
      } finally {
        tries++;
      }
    };
    const dead = new DeadJobs({ store: storeOf([]), replace, leader: { epoch: 1 }, clock, log });
    dead.start();
    for (let round = 1; round <= 3; round++) {
      clock.advance(ROUND_MS);
      while (tries < round) await sleep(5);
      await sleep(5);
    }
    expect(lines).toEqual([expect.stringContaining('ECONNREFUSED')]);
    expect(lines.join()).not.toContain('secret');
    await dead.stop();
  });
});

(hasRedis ? describe : describe.skip)('the queue batch-dead', () => {
  let redis: RedisServer;
  let queue: Queue<DeadJob>;
  const never = new AbortController().signal;
  const replace = (...jobs: DeadJob[]) => replaceDeadJobs({ url: redis.url, topicPrefix: 'batch' }, jobs, never);
  const held = async () => {
    const jobs = await queue.getJobs(['waiting'], 0, -1, true);
    return jobs.map(({ id, data }) => [id, data]);
  };

  beforeAll(async () => {
    redis = await startRedis();
    await loadBullmq();
    queue = new Queue('batch-dead', { connection: { url: redis.url }, prefix: '{batch}' });
  }, 300_000);
  afterAll(async () => {
    await queue?.close();
    await redis?.stop();
  });

  it('has what it is told, and nothing else', async () => {
    await replace(shown('aaaaaaaa'), shown('12345678'));
    expect(await held()).toEqual([
      ['j-aaaaaaaa', shown('aaaaaaaa')],
      ['j-12345678', shown('12345678')],
    ]);
    const later = shown('12345678', '2026-03-02T12:00:00.000Z'); // resumed, and failed again
    await replace(later, shown('bbbbbbbb'));
    expect(await held()).toEqual([
      ['j-12345678', later],
      ['j-bbbbbbbb', shown('bbbbbbbb')],
    ]);
    await replace();
    expect(await held()).toEqual([]);
    expect(await redis.command('KEYS', '{batch}:batch-dead:j-*')).toEqual([]);
  });

  it('has it again after Redis was emptied, or somebody took something out', async () => {
    await replace(shown('aaaaaaaa'), shown('bbbbbbbb'));
    await queue.remove('j-aaaaaaaa');
    await replace(shown('aaaaaaaa'), shown('bbbbbbbb'));
    expect((await held()).map(([id]) => id).sort()).toEqual(['j-aaaaaaaa', 'j-bbbbbbbb']);
    await redis.command('FLUSHALL');
    await replace(shown('aaaaaaaa'));
    expect((await held()).map(([id]) => id)).toEqual(['j-aaaaaaaa']);
  });

  it('stays where somebody works on an entry, and has it again once that is done', async () => {
    await replace();
    await replace(shown('aaaaaaaa'));
    const worker = new Worker<DeadJob>('batch-dead', null, { connection: { url: redis.url }, prefix: '{batch}' });
    try {
      const entry = await worker.getNextJob('token');
      await replace(shown('bbbbbbbb'));
      expect([await entry?.getState(), await held()]).toEqual(['active', [['j-bbbbbbbb', shown('bbbbbbbb')]]]);
      await entry?.moveToCompleted(null, 'token', false);
      await replace(shown('aaaaaaaa'));
      expect(await held()).toEqual([['j-aaaaaaaa', shown('aaaaaaaa')]]);
    } finally {
      await worker.close();
    }
  });

  it('is left at once when the process is to end, while Redis stands still', async () => {
    await redis.kill('SIGSTOP');
    const stopped = new AbortController();
    setTimeout(() => stopped.abort(), 100);
    const start = Date.now();
    const writing = replaceDeadJobs({ url: redis.url, topicPrefix: 'batch' }, [], stopped.signal);
    await expect(writing).rejects.toThrow();
    expect(Date.now() - start).toBeLessThan(4_500);
    await redis.kill('SIGCONT');
  });
});
