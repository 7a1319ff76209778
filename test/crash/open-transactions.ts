import { type JobStage, until } from './job-stage.js';
import type { RowFile } from './rows.js';

/** Generous: a transaction that is older than 30 s is aborted by the broker, and its runner begins again. */
const OPEN_WITHIN_MS = 180_000;

/** The job whose transactional id a request carries; null if it carries none. */
export function jobOf({ transactionalId }: { transactionalId: string | null }): string | null {
  return /\.([a-z0-9]{8})$/.exec(transactionalId ?? '')?.[1] ?? null;
}

export interface OpenTransactions {
  jobIds: string[];
  /** Lets the requests that were held go on, all at once. */
  release(): void;
}

/**
 * Starts jobs, and resolves when each has a committed checkpoint and rows of both topics in an open transaction, whose
 * runner waits for the answer to `api`: AddOffsetsToTxn is lost on its way, EndTxn is held until `release`.
 */
export async function openTransactions(
  stage: JobStage,
  file: RowFile,
  count: number,
  api: 'AddOffsetsToTxn' | 'EndTxn',
): Promise<OpenTransactions> {
  const committed = new Set<string>();
  const open = new Set<string>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  stage.interference = {
    async request(exchange) {
      const jobId = jobOf(exchange);
      if (exchange.api !== api || jobId === null || !committed.has(jobId)) return 'pass';
      open.add(jobId);
      if (api === 'AddOffsetsToTxn') return 'drop';
      await released;
      return 'pass';
    },
    reply(exchange) {
      const jobId = jobOf(exchange);
      if (exchange.api === 'EndTxn' && exchange.error === 0 && jobId !== null) committed.add(jobId);
      return 'pass';
    },
  };
  const jobIds = await Promise.all(Array.from({ length: count }, () => stage.createJob(file)));
  await until(`a second transaction of ${count} jobs`, OPEN_WITHIN_MS, () =>
    jobIds.every((jobId) => open.has(jobId)) ? true : undefined,
  );
  return { jobIds, release };
}
