import type { Answered, Exchange, Verdict } from '../kit/kafka-proxy.js';
import { type JobStage, until } from './job-stage.js';
import { jobOf } from './open-transactions.js';
import type { RowFile } from './rows.js';

const HELD_WITHIN_MS = 180_000;

export interface Point {
  api: 'Produce' | 'AddOffsetsToTxn' | 'TxnOffsetCommit' | 'EndTxn';
  side: 'request' | 'reply';
}

/** A transaction is begun and has no rows: these are what is held. */
export const BEFORE_ROWS: Point = { api: 'Produce', side: 'request' };
/** Rows are in the topic, and their runner does not know. */
export const ROWS_UNACKNOWLEDGED: Point = { api: 'Produce', side: 'reply' };
/** Where a job can be held, with a transaction that is open, or (the last) was just committed. */
export const POINTS: readonly Point[] = [
  BEFORE_ROWS,
  ROWS_UNACKNOWLEDGED,
  { api: 'AddOffsetsToTxn', side: 'request' },
  { api: 'TxnOffsetCommit', side: 'request' },
  { api: 'TxnOffsetCommit', side: 'reply' },
  { api: 'EndTxn', side: 'request' },
  { api: 'EndTxn', side: 'reply' },
];

export interface HeldJobs {
  jobIds: string[];
  /** Lets everything go that is held; what comes later is not held. */
  release: () => void;
}

/** Starts a job for each point, and resolves when each has committed something and is held at its point. */
export async function holdJobs(stage: JobStage, file: RowFile, points: readonly Point[]): Promise<HeldJobs> {
  const pointOf = new Map<string, Point>();
  const committed = new Set<string>();
  const held = new Set<string>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const pass = async (exchange: Exchange, side: Point['side']): Promise<Verdict> => {
    const jobId = jobOf(exchange);
    if (jobId === null || held.has(jobId) || !committed.has(jobId)) return 'pass';
    const point = pointOf.get(jobId);
    if (point?.api !== exchange.api || point.side !== side) return 'pass';
    held.add(jobId);
    await released;
    return 'pass';
  };
  stage.interference = {
    request: (exchange) => pass(exchange, 'request'),
    async reply(exchange: Answered) {
      const verdict = await pass(exchange, 'reply');
      const jobId = jobOf(exchange);
      if (exchange.api === 'EndTxn' && exchange.error === 0 && jobId !== null) committed.add(jobId);
      return verdict;
    },
  };
  const jobIds = await Promise.all(
    points.map(async (point) => {
      const jobId = await stage.createJob(file);
      pointOf.set(jobId, point);
      return jobId;
    }),
  );
  await until(`${points.length} jobs in a transaction`, HELD_WITHIN_MS, () => held.size === points.length || undefined);
  return { jobIds, release };
}
