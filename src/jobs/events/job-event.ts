import type { TraceContext } from '../../observability/tracing/index.js';
import type { Job } from '../domain/job.js';

/** A Job as the topic of the jobs carries it. */
export interface JobEvent {
  job: Job;
  /** The job as JSON. */
  value: string;
  /** At most what its record takes, in bytes. */
  bytes: number;
  /** W3C trace context of the job's creation. */
  headers: Readonly<Record<string, string>>;
}

/** Below Kafka's default of max.message.bytes (1,048,588) with room for the framing of the batch. */
export const MAX_BATCH_BYTES = 1_000_000;
/** Framing and key of a record. */
const RECORD_BYTES = 128;

/** The job, in its trace; without its columns and metadata if it would be too large for the topic with them. */
export function toJobEvent(job: Job, trace: TraceContext | null): JobEvent {
  const whole = encode(job, trace === null ? {} : { ...trace });
  return whole.bytes > MAX_BATCH_BYTES ? reduced(whole) : whole;
}

/** The job without what may be wide, which it says. */
export function reduced({ job, headers }: JobEvent): JobEvent {
  return encode({ ...job, file_columns: null, metadata: {}, truncated: ['file_columns', 'metadata'] }, headers);
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

function encode(job: Job, headers: JobEvent['headers']): JobEvent {
  const value = JSON.stringify(job);
  const headerBytes = Object.entries(headers).reduce((sum, [name, text]) => sum + name.length + text.length + 4, 0);
  return { job, value, bytes: Buffer.byteLength(value) + headerBytes + RECORD_BYTES, headers };
}
