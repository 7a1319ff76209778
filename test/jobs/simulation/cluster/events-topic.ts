import type { JobEvent } from '../../../../src/jobs/events/job-event.js';
import type { JobEventProducer } from '../../../../src/jobs/events/producer.js';
import { type KafkaAccess, KafkaError } from './kafka-access.js';

/** The topic of the jobs, as its readers see it: the partition refuses an epoch when it has seen a later one. */
export class EventsTopic {
  /** The last revision in the topic, by job. */
  readonly last = new Map<string, { revision: number; state: string }>();
  #issued = 0;
  #seen = 0;

  /** `onBackwards` hears of a record that lies behind a later one of its job. */
  constructor(private readonly onBackwards: (what: string) => void) {}

  /** As `connectJobEvents`. `beginsWithRecord`: it writes the record that makes the partition know the new epoch. */
  async connect(access: KafkaAccess, beginsWithRecord: boolean): Promise<JobEventProducer> {
    const epoch = await access.request(() => ++this.#issued);
    if (beginsWithRecord) await access.request(() => this.#append(epoch, []));
    return {
      send: (events) => access.request(() => this.#append(epoch, events)),
      sendTombstones: () => Promise.reject(new Error('nothing is purged here')),
      close: async () => undefined,
    };
  }

  #append(epoch: number, events: readonly JobEvent[]): void {
    if (epoch < this.#seen) throw new KafkaError('fenced');
    this.#seen = epoch;
    for (const { job } of events) {
      const before = this.last.get(job.job_id)?.revision ?? 0;
      if (job.revision <= before) this.onBackwards(`${job.job_id}: revision ${job.revision} lies behind ${before}`);
      this.last.set(job.job_id, { revision: job.revision, state: job.state });
    }
  }
}
