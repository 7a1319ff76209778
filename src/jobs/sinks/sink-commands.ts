import type { SinkName } from '../../ingest/index.js';
import type { StoredJob } from '../domain/stored-job.js';

/** How many jobs a sink has in each state. */
export interface SinkStatus {
  name: SinkName;
  pending: number;
  loading: number;
  retrying: number;
  failed: number;
  /** The newest error of a job that is RETRYING or FAILED; null: there is none. */
  error: { code: string; message: string } | null;
}

/** What users do to the sinks of jobs. */
export interface SinkCommands {
  /** The sinks that are configured. */
  list(): Promise<SinkStatus[]>;
  /**
   * Loads the rows of a job into more sinks, or again into those from which they were removed. Throws JOB_NOT_FOUND,
   * SINK_NOT_CONFIGURED, SINK_STATE_CONFLICT if it has the sink already, SINK_EXPIRED if its topics do not hold all rows.
   */
  add(jobId: string, names: readonly SinkName[]): Promise<StoredJob>;
  /** Tries a load that has FAILED or is RETRYING again, now. Throws JOB_NOT_FOUND, SINK_NOT_FOUND, SINK_STATE_CONFLICT. */
  retry(jobId: string, name: SinkName): Promise<StoredJob>;
  /**
   * Takes the rows of a job out of a sink: REMOVING, later REMOVED. Throws JOB_NOT_FOUND, SINK_NOT_FOUND,
   * SINK_STATE_CONFLICT while the job itself is under way, SINK_NOT_REVERSIBLE.
   */
  remove(jobId: string, name: SinkName): Promise<StoredJob>;
}
