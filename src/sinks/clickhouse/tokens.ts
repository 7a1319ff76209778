import type { SinkJob } from '../sink.js';

type Load = Pick<SinkJob, 'jobId' | 'load'>;

/** What ClickHouse knows an insert by: the load, the stream of the job, and where the block begins. */
export const tokens = {
  data: ({ jobId, load }: Load, from: number): string => `${jobId}:${load}:${from}`,
  rejected: ({ jobId, load }: Load, from: number): string => `${jobId}:${load}:dlq:${from}`,
  errors: ({ jobId, load }: Load, from: number): string => `${jobId}:${load}:err:${from}`,
};
