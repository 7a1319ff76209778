import { atMost } from '../../kafka/index.js';
import type { ErrorsLog } from '../../observability/index.js';
import type { RunnerPool } from '../../runner/index.js';
import type { BrokerWatch } from './broker-watch.js';
import type { ClaimLoop } from './claim-loop.js';
import type { JobCoordinator } from './coordinator.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { SinkWorkers } from './sink-workers.js';
import type { WorkerPresence } from './worker-presence.js';

export interface JobWorkerOptions {
  coordinator: JobCoordinator;
  pool: RunnerPool;
  claims: ClaimLoop;
  leases: LeaseKeeper;
  brokers: BrokerWatch;
  sinks: SinkWorkers;
  presence: Pick<WorkerPresence, 'start' | 'stop'>;
  /** null: nobody keeps it. */
  errorsLog: Pick<ErrorsLog, 'close'> | null;
}

/** A claim may hang on a store that is gone: the runners' transactions do not wait for it. */
const CLAIMS_GRACE_MS = 1_500;
/** How long a stop waits for the runners' open transactions. */
const RUNNER_GRACE_MS = 4_000;
/** A disk that hangs does not keep the process. */
const ERRORS_LOG_GRACE_MS = 500;

/** Works on jobs. */
export class JobWorker {
  constructor(private readonly options: JobWorkerOptions) {
    const { coordinator, pool, claims } = options;
    coordinator.setRunners(pool);
    pool.onFree((intent) => claims.wake(intent));
  }

  /** Whether any job is worked on. */
  get isWorking(): boolean {
    return this.options.coordinator.isWorking;
  }

  /** Claims jobs from now on, until `stop`. */
  start(): void {
    const { pool, claims, leases, brokers, sinks, presence } = this.options;
    presence.start();
    pool.start();
    claims.start();
    leases.start();
    brokers.start();
    sinks.start();
  }

  /** Commits the transactions that are under way and gives the jobs back, for others or for the next start. */
  async stop(): Promise<void> {
    const { coordinator, pool, claims, leases, brokers, sinks, presence, errorsLog } = this.options;
    const stoppingSinks = sinks.stop();
    await atMost(CLAIMS_GRACE_MS, claims.stop());
    await Promise.all([brokers.stop(), pool.stop(RUNNER_GRACE_MS)]);
    await coordinator.stop();
    const closingLog = atMost(ERRORS_LOG_GRACE_MS, errorsLog?.close() ?? Promise.resolve());
    await Promise.all([leases.stop(), stoppingSinks, presence.stop(), closingLog]);
  }
}
