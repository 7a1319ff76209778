import type { RowSink } from '../formats/index.js';
import type { RowFeed } from '../runner/row-feed.js';
import { BeginningOver } from './beginning.js';
import type { Findings } from './inferred-schema.js';

/** So many bytes of rows are looked at, about. */
export const SAMPLE_BYTES = 8 * 1024 ** 2;

export interface SampleLimits {
  /** At most so many, broken ones among them. */
  rows: number;
  /** Asked after every few rows. */
  hasEnough(): boolean;
}

/** Hands out the first rows as JSON, each with its number from 1; the feed is closed then. */
export async function takeSample(
  feed: RowFeed,
  { rows, hasEnough }: SampleLimits,
  take: (row: string, number: number) => void,
): Promise<Pick<Findings, 'rows_sampled' | 'rows_rejected' | 'truncated'>> {
  let sampled = 0;
  let rejected = 0;
  let unseen = false;
  const isFull = (): boolean => sampled + rejected === rows;
  const sink: RowSink = {
    accept(bytes, start, end) {
      unseen ||= isFull();
      if (unseen) return;
      sampled += 1;
      take(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(), sampled + rejected);
    },
    reject() {
      unseen ||= isFull();
      if (!unseen) rejected += 1;
    },
  };
  const ended = await readThrough(feed, sink, () => unseen || hasEnough());
  return { rows_sampled: sampled, rows_rejected: rejected, truncated: unseen || !ended };
}

/** false: the file goes on, or may go on. */
async function readThrough(feed: RowFeed, sink: RowSink, isEnough: () => boolean): Promise<boolean> {
  try {
    while (!isEnough()) {
      if (!(await feed.advance(sink))) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof BeginningOver) return false;
    throw error;
  } finally {
    feed.close?.();
  }
}
