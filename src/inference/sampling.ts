import type { Rejection, RowConsumer } from '../formats/index.js';
import { EndOfPrefix, type RowSource } from '../reading/index.js';
import type { InferenceResult } from './inference-result.js';

/** Approximate number of bytes of rows to sample. */
export const SAMPLE_BYTES = 8 * 1024 ** 2;

export interface SampleLimits {
  /** Maximum number of rows, including broken ones. */
  rows: number;
  /** Asked after every few rows. */
  hasEnough(): boolean;
}

/** Takes the rows, each with its number from 1. */
export interface SampleTaker {
  /** As JSON. */
  take(row: string, number: number): void;
  /** One that is broken. */
  refuse?(rejection: Rejection, number: number): void;
}

/** Hands out the first rows; the feed is closed then. */
export async function takeSample(
  feed: RowSource,
  { rows, hasEnough }: SampleLimits,
  taker: SampleTaker,
): Promise<Pick<InferenceResult, 'rows_sampled' | 'rows_rejected' | 'truncated'>> {
  let sampled = 0;
  let rejected = 0;
  let unseen = false;
  const isFull = (): boolean => sampled + rejected === rows;
  const consumer: RowConsumer = {
    accept(bytes, start, end) {
      unseen ||= isFull();
      if (unseen) return;
      sampled += 1;
      taker.take(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(), sampled + rejected);
    },
    reject(rejection) {
      unseen ||= isFull();
      if (unseen) return;
      rejected += 1;
      taker.refuse?.(rejection, sampled + rejected);
    },
  };
  const ended = await readThrough(feed, consumer, () => unseen || hasEnough());
  return { rows_sampled: sampled, rows_rejected: rejected, truncated: unseen || !ended };
}

/** false: the file goes on, or may go on. */
async function readThrough(feed: RowSource, consumer: RowConsumer, isEnough: () => boolean): Promise<boolean> {
  try {
    while (!isEnough()) {
      if (!(await feed.advance(consumer))) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof EndOfPrefix) return false;
    throw error;
  } finally {
    feed.close?.();
  }
}
