import type { Logger } from 'pino';
import type { SinkName } from '../../ingest/index.js';
import type { Metrics } from '../../observability/metrics/index.js';
import type { Clock } from '../domain/clock.js';
import type { SinkState } from '../domain/job-sink.js';
import { JOB_STATES } from '../domain/job-state.js';
import type { JobStatistics, RejectShare, StatisticsStore } from '../store/statistics-store.js';
import { LeaderReading } from './leader-reading.js';
import type { Leader } from './leadership.js';

export interface ClusterMetricsOptions {
  statistics: Pick<StatisticsStore, 'read' | 'rejectShares'>;
  metrics: Metrics;
  leader: Leader;
  clock: Clock;
  log: Logger;
  /** MAX_JOB_TOPICS. */
  maxJobTopics: number;
  /** Those that are configured. */
  sinks: readonly SinkName[];
}

const READ_EVERY_MS = 15_000;
const REJECTS_EVERY_MS = 300_000;
/** A job at work writes its progress every second. */
const STALLED_MS = 300_000;
const DAY_MS = 86_400_000;
/**
 * A model whose last rows are rejected far more often than those before. The last ones are of a day at most: a model with few
 * rows would have none before them, and one whose file is not sent again would stay above its norm.
 */
const NORM = { recent: { rows: 100_000, ms: DAY_MS }, earlierMs: 8 * DAY_MS, factor: 5, share: 0.01 };
/** States of a load that has not ended. */
const UNFINISHED: readonly SinkState[] = ['PENDING', 'LOADING', 'RETRYING', 'FAILED', 'REMOVING'];
/** Names in a log line. */
const SOME = 10;

/**
 * What all processes have together, as the leader reads it: metrics that can be summed up. Which jobs and models are meant
 * is in the log, because a label for each would have no bound.
 */
export class ClusterMetrics {
  readonly #jobs: LeaderReading<JobStatistics>;
  readonly #rejects: LeaderReading<string[]>;
  #named = '';

  constructor(private readonly options: ClusterMetricsOptions) {
    this.#jobs = new LeaderReading({
      ...options,
      read: () => this.#readJobs(),
      everyMs: READ_EVERY_MS,
      failure: 'could not count the jobs for metrics',
    });
    this.#rejects = new LeaderReading({
      ...options,
      read: () => this.#readRejects(),
      everyMs: REJECTS_EVERY_MS,
      failure: 'could not compare the shares of rejected rows',
    });
    this.#offer();
  }

  start(): void {
    this.#jobs.start();
    this.#rejects.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#jobs.stop(), this.#rejects.stop()]);
  }

  async #readJobs(): Promise<JobStatistics> {
    const { statistics, log } = this.options;
    const read = await statistics.read(STALLED_MS);
    const { jobs, some } = read.stalled;
    // Once for each job that joins them.
    const named = some.join(' ');
    if (jobs > 0 && named !== this.#named) {
      log.warn({ jobs, job_ids: some, seconds: STALLED_MS / 1000 }, 'jobs at work have not advanced');
    }
    this.#named = named;
    return read;
  }

  async #readRejects(): Promise<string[]> {
    const { statistics, log } = this.options;
    const shares = await statistics.rejectShares(NORM.recent, NORM.earlierMs);
    const above = shares.filter(isAboveNorm);
    if (above.length > 0) {
      const models = above.slice(0, SOME).map((share) => ({
        model_id: share.modelId,
        rejected_share: round(share.rejected / share.rows),
        earlier_share: round(share.earlierRejected / share.earlierRows),
      }));
      log.warn({ count: above.length, models }, 'models have far more rejected rows than before');
    }
    return above.map(({ modelId }) => modelId);
  }

  #offer(): void {
    const { metrics, leader, maxJobTopics, sinks } = this.options;
    const offer = (name: string, help: string, value: (read: JobStatistics) => number): void => {
      metrics.gauge(name, help, () => (this.#jobs.current === null ? null : value(this.#jobs.current)));
    };
    metrics.gauge('batch_leader', '1 in the process that publishes job events and removes what is to go.', () =>
      Number(leader.epoch !== null),
    );
    metrics.gauge(
      'batch_jobs',
      'Jobs, by state.',
      () => {
        const { current } = this.#jobs;
        if (current === null) return null;
        const counts = new Map(current.jobs.map(({ state, count }) => [state, count]));
        return JOB_STATES.map((state) => ({ labels: { state }, value: counts.get(state) ?? 0 }));
      },
      ['state'],
    );
    offer('batch_queue_jobs', 'Jobs that wait for a worker.', ({ queue }) => queue.jobs);
    offer(
      'batch_queue_oldest_age_seconds',
      'How long the first job of the queue has waited.',
      ({ queue }) => queue.oldestSeconds,
    );
    offer('batch_jobs_stalled', 'Jobs at work that have not advanced for 5 minutes.', ({ stalled }) => stalled.jobs);
    offer('batch_job_topics', 'Topics of jobs.', ({ topics }) => topics);
    metrics.gauge('batch_job_topics_limit', 'MAX_JOB_TOPICS.', () => (leader.epoch === null ? null : maxJobTopics));
    offer(
      'batch_job_removals',
      'Jobs that are to go with their topics and files, and are not gone yet.',
      ({ removals }) => removals,
    );
    offer(
      'batch_events_unpublished_jobs',
      'Jobs whose newest state is not in the topic of job events.',
      ({ unpublished }) => unpublished.jobs,
    );
    offer(
      'batch_events_lag_seconds',
      'How long the first of them has waited for that.',
      ({ unpublished }) => unpublished.oldestSeconds,
    );
    offer('batch_stored_files', 'Files of jobs that are kept.', ({ files }) => files.count);
    offer('batch_stored_files_bytes', 'Their size.', ({ files }) => files.bytes);
    metrics.gauge(
      'batch_sink_loads',
      'Loads into sinks that have not ended, by state.',
      () => {
        const { current } = this.#jobs;
        return (
          current &&
          loadsOf(sinks, current).map(({ sink, state, count }) => ({ labels: { sink, state }, value: count }))
        );
      },
      ['sink', 'state'],
    );
    metrics.gauge(
      'batch_sink_lag_seconds',
      'Time since the end of the first job that a sink has not loaded.',
      () => {
        const { current } = this.#jobs;
        if (current === null) return null;
        const lags = new Map<string, number>();
        for (const { sink, state, oldestSeconds } of loadsOf(sinks, current)) {
          if (state !== 'FAILED') lags.set(sink, Math.max(lags.get(sink) ?? 0, oldestSeconds));
        }
        return [...lags].map(([sink, value]) => ({ labels: { sink }, value }));
      },
      ['sink'],
    );
    metrics.gauge('batch_models_above_reject_norm', 'Models with far more rejected rows than before.', () =>
      this.#rejects.current === null ? null : this.#rejects.current.length,
    );
  }
}

/** The loads that have not ended, with zeros for the sinks that are configured. */
function loadsOf(sinks: readonly SinkName[], { loads }: JobStatistics): JobStatistics['loads'] {
  const none = sinks.flatMap((sink) => UNFINISHED.map((state) => ({ sink, state, count: 0, oldestSeconds: 0 })));
  const isThere = (a: { sink: string; state: string }): boolean =>
    loads.some((b) => b.sink === a.sink && b.state === a.state);
  return [...loads, ...none.filter((each) => !isThere(each))];
}

/** A model without earlier rows has no norm. */
function isAboveNorm({ rows, rejected, earlierRows, earlierRejected }: RejectShare): boolean {
  if (rows === 0 || earlierRows === 0) return false;
  const share = rejected / rows;
  return share > NORM.share && share > NORM.factor * (earlierRejected / earlierRows);
}

function round(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}
