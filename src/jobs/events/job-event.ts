import type { Job } from '../domain/job.js';

/** A Job as the topic of the jobs carries it. */
export interface JobEvent {
  job: Job;
  /** The job as JSON. */
  value: string;
  /** At most what its record takes, in bytes. */
  bytes: number;
}

/** Below Kafka's default of max.message.bytes (1,048,588) with room for the framing of the batch. */
export const MAX_BATCH_BYTES = 1_000_000;
/** Framing and key of a record. */
const RECORD_BYTES = 128;

/** The job; without its columns and metadata if it would be too large for the topic with them. */
export function toJobEvent(job: Job): JobEvent {
  const whole = encode(job);
  return whole.bytes > MAX_BATCH_BYTES ? reduced(job) : whole;
}

/** The job without what may be wide, which it says. */
export function reduced(job: Job): JobEvent {
  return encode({ ...job, file_columns: null, metadata: {}, truncated: ['file_columns', 'metadata'] });
}

/** In the same order, at most `maxBytes` in each batch; what alone is larger is a batch by itself. */
export function cutBatches(events: readonly JobEvent[], maxBytes: number): JobEvent[][] {
  const batches: JobEvent[][] = [];
  let room = 0;
  for (const event of events) {
    const batch = batches.at(-1);
    if (batch === undefined || event.bytes > room) {
      batches.push([event]);
      room = maxBytes - event.bytes;
    } else {
      batch.push(event);
      room -= event.bytes;
    }
  }
  return batches;
}

function encode(job: Job): JobEvent {
  const value = JSON.stringify(job);
  return { job, value, bytes: Buffer.byteLength(value) + RECORD_BYTES };
}
