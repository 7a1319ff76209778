import type { Logger } from 'pino';
import { type Clock, type Leader, LeaderReading } from '../../jobs/index.js';
import type { Metrics } from '../../observability/metrics/index.js';
import type { FeedFileStore } from '../store/feed-file-store.js';
import type { FeedStore } from '../store/feed-store.js';

export interface FeedMetricsOptions {
  feeds: Pick<FeedStore, 'counts'>;
  files: Pick<FeedFileStore, 'unfinished'>;
  metrics: Metrics;
  leader: Leader;
  clock: Clock;
  log: Logger;
}

interface FeedCounts {
  feeds: Awaited<ReturnType<FeedStore['counts']>>;
  files: Awaited<ReturnType<FeedFileStore['unfinished']>>;
}

const READ_EVERY_MS = 30_000;

/** How feeds stand, as the leader reads it. */
export class FeedMetrics {
  readonly #reading: LeaderReading<FeedCounts>;

  constructor({ feeds, files, metrics, ...options }: FeedMetricsOptions) {
    this.#reading = new LeaderReading({
      ...options,
      read: async () => ({ feeds: await feeds.counts(), files: await files.unfinished() }),
      everyMs: READ_EVERY_MS,
      failure: 'could not count the feeds for metrics',
    });
    const counted = <S extends string>(states: readonly S[], counts: readonly { state: string; count: number }[]) =>
      states.map((state) => ({
        labels: { state },
        value: counts.find((each) => each.state === state)?.count ?? 0,
      }));
    const read = <T>(value: (counts: FeedCounts) => T) => {
      const { current } = this.#reading;
      return current === null ? null : value(current);
    };
    metrics.gauge(
      'batch_feeds',
      'Feeds, by state.',
      () => read((counts) => counted(['ACTIVE', 'PAUSED'], counts.feeds)),
      ['state'],
    );
    metrics.gauge(
      'batch_feed_files',
      'Files of feeds that are not completed, by state.',
      () => read((counts) => counted(['PENDING', 'IN_PROGRESS', 'FAILED'], counts.files)),
      ['state'],
    );
    metrics.gauge('batch_feed_oldest_pending_seconds', 'How long ago the first file was found that waits.', () =>
      read((counts) => counts.files.find(({ state }) => state === 'PENDING')?.oldestSeconds ?? 0),
    );
  }

  start(): void {
    this.#reading.start();
  }

  async stop(): Promise<void> {
    await this.#reading.stop();
  }
}
