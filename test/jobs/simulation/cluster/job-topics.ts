import type { Checkpoint } from '../../../../src/kafka/index.js';
import { KafkaError } from './kafka-access.js';

/** Where transactions of a job end, and begin again. */
interface Committed {
  epoch: number;
  checkpoint: Checkpoint | null;
}

/** Whose session it is: the epoch, and whether the lease was its own by the store when it fenced the one before. */
export interface Session {
  jobId: string;
  epoch: number;
  wasHolder: boolean;
}

export interface Commit {
  session: Session;
  /** The row from which on the transaction was read. */
  from: number;
  checkpoint: Checkpoint;
}

/** What Kafka has of the jobs: for each the epoch of its producer and its checkpoint, which moves with the rows. */
export class JobTopics {
  readonly #jobs = new Map<string, Committed>();

  /** `onCommit` hears of every commit, before it counts. */
  constructor(private readonly onCommit: (commit: Commit, before: number) => void) {}

  checkpointOf(jobId: string): Checkpoint | null {
    return this.#of(jobId).checkpoint;
  }

  /** InitProducerId: whoever had an earlier epoch commits nothing more. */
  fence(jobId: string): number {
    return ++this.#of(jobId).epoch;
  }

  epochOf(jobId: string): number {
    return this.#of(jobId).epoch;
  }

  /** Any other request of a session. */
  check({ jobId, epoch }: Session): void {
    if (epoch !== this.#of(jobId).epoch) throw new KafkaError('fenced');
  }

  /** The rows and the checkpoint at once. */
  commit(commit: Commit): void {
    const { session, checkpoint } = commit;
    this.check(session);
    const job = this.#of(session.jobId);
    this.onCommit(commit, job.checkpoint?.position.row ?? 0);
    job.checkpoint = checkpoint;
  }

  #of(jobId: string): Committed {
    const job = this.#jobs.get(jobId) ?? { epoch: 0, checkpoint: null };
    this.#jobs.set(jobId, job);
    return job;
  }
}
