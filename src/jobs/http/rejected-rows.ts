import type { Kafka } from 'kafkajs';
import { ServiceError } from '../../errors/index.js';
import { jobNames, type KafkaProbe, kafkaProblem, type TopicAdmin, TopicReader } from '../../kafka/index.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { SinkStore } from '../store/sink-store.js';

/** A page ends here, whatever `limit` says: a row may have 400 kB, and a reader may be slow. */
const PAGE_BYTES = 8 * 1024 ** 2;
const REJECTS_AT_ONCE = 100;

export interface RejectedPage {
  /** As they stand in the topic: each one the JSON text of a RejectedRow. */
  rows: Buffer[];
  /** Asks for the next page; null: there is none now. */
  nextCursor: string | null;
}

/**
 * Reads a job's rejected rows back: from its DLQ topic what is committed when the call is made, in the file's order; behind
 * them those that its sinks have rejected, from the store.
 */
export class RejectedRows {
  constructor(
    private readonly kafka: Kafka,
    private readonly probe: Pick<KafkaProbe, 'check'>,
    private readonly topics: Pick<TopicAdmin, 'isGone'>,
    private readonly sinks: Pick<SinkStore, 'rejects'>,
  ) {}

  /**
   * At most `limit` rows and 8 MiB (but one row at least) from `cursor` on, until `over` is aborted. Throws
   * KAFKA_UNAVAILABLE, KAFKA_REJECTED, REJECTED_EXPIRED if the topic no longer holds any of the rows that the job
   * counted, INVALID_REQUEST for a cursor that no page returned.
   */
  async page(job: StoredJob, limit: number, cursor: string | undefined, over: AbortSignal): Promise<RejectedPage> {
    const rows: Buffer[] = [];
    let bytes = 0;
    for await (const { cursor: next, value } of this.#from(cursor, job, over)) {
      bytes += value.length;
      const isFull = rows.length === limit || bytes > PAGE_BYTES;
      if (isFull && rows.length > 0) return { rows, nextCursor: next };
      rows.push(value);
    }
    return { rows, nextCursor: null };
  }

  /** All rows, one after the other, until `over` is aborted; what `page` throws comes with the first. */
  async *all(job: StoredJob, over: AbortSignal): AsyncGenerator<Buffer> {
    for await (const { value } of this.#from(undefined, job, over)) yield value;
  }

  /** The rows from a cursor on: first those that the model rejects, then those that sinks have rejected. */
  async *#from(
    cursor: string | undefined,
    job: StoredJob,
    over: AbortSignal,
  ): AsyncGenerator<{ cursor: string; value: Buffer }> {
    const place = placeOf(cursor);
    const hasMore = job.sinks.some(({ rejected }) => rejected > 0);
    if (typeof place === 'number') {
      try {
        for await (const { offset, value } of this.#records(job, place, over)) yield { cursor: String(offset), value };
      } catch (error) {
        // Those of the sinks are ours, and still there.
        if (!(hasMore && error instanceof ServiceError && error.code === 'REJECTED_EXPIRED')) throw error;
      }
    }
    if (!hasMore) return;
    // A cursor is the place of the row that the page begins with.
    let after = typeof place === 'number' ? null : { name: place.name, offset: place.offset - 1 };
    for (let isMore = true; isMore; ) {
      const rejects = await this.sinks.rejects(job.jobId, after, REJECTS_AT_ONCE);
      isMore = rejects.length === REJECTS_AT_ONCE;
      for (const { name, offset, value } of rejects) {
        over.throwIfAborted();
        yield { cursor: `${name}-${offset}`, value: Buffer.from(value) };
        after = { name, offset };
      }
    }
  }

  async *#records(job: StoredJob, from: number, over: AbortSignal): AsyncGenerator<{ offset: number; value: Buffer }> {
    await this.probe.check();
    const { dlq } = jobNames(job);
    const counted = job.checkpoint?.errors ?? 0;
    let reader: TopicReader | null = null;
    // At once: whoever has gone asks for no further row, and a broker may be long in answering.
    const close = (): void => reader?.close();
    over.addEventListener('abort', close);
    try {
      reader = await TopicReader.open(this.kafka, dlq);
      over.throwIfAborted();
      if (reader === null && counted > 0 && !(await this.topics.isGone(dlq))) {
        throw new ServiceError(
          'KAFKA_UNAVAILABLE',
          `The broker does not know the topic '${dlq}' yet: it may have just started`,
        );
      }
      // A topic that still begins at 0 has lost nothing: what was counted is about to become readable.
      const start = reader?.bounds.start ?? Number.POSITIVE_INFINITY;
      let isGone = counted > 0 && start > 0 && from <= start;
      // What retention leaves may be a marker alone.
      for await (const record of reader?.records(from) ?? []) {
        isGone = false;
        yield record;
      }
      if (isGone) {
        throw new ServiceError('REJECTED_EXPIRED', `The topic '${dlq}' no longer holds the ${counted} rejected rows`);
      }
    } catch (error) {
      over.throwIfAborted();
      throw kafkaProblem(error, 'The rejected rows could not be read') ?? error;
    } finally {
      over.removeEventListener('abort', close);
      reader?.close();
    }
  }
}

/** An offset in the topic, or the place of a row that a sink has rejected. */
function placeOf(cursor: string | undefined): number | { name: string; offset: number } {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  const [, name, offset] = /^([a-z]{1,16})-(\d{1,15})$/.exec(cursor) ?? [];
  if (name !== undefined) return { name, offset: Number(offset) };
  throw new ServiceError('INVALID_REQUEST', 'cursor must be a value returned by the previous page');
}
