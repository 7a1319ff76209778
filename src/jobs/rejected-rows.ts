import type { Kafka } from 'kafkajs';
import { BatchError } from '../errors/index.js';
import { classifyFailure, jobTopics, type KafkaProbe, TopicReader } from '../kafka/index.js';
import type { JobRecord } from './job-record.js';

/** Rejected rows as they stand in the topic: each one the JSON text of a RejectedRow. */
export interface RejectedPage {
  rows: Buffer[];
  /** Asks for the next page; null: there is none now. */
  nextCursor: string | null;
}

/** Reads a job's rejected rows back from its DLQ topic: what is committed when the call is made, in the file's order. */
export class RejectedRows {
  constructor(
    private readonly kafka: Kafka,
    private readonly probe: KafkaProbe,
  ) {}

  /**
   * At most `limit` rows from `cursor` on. Throws KAFKA_UNAVAILABLE, REJECTED_EXPIRED where the topic no longer holds
   * the rows that the job counted, INVALID_REQUEST for a cursor that no page gave.
   */
  async page(job: JobRecord, limit: number, cursor: string | undefined): Promise<RejectedPage> {
    const from = offsetOf(cursor);
    const rows: Buffer[] = [];
    for await (const { offset, value } of this.#records(job, from)) {
      if (rows.length === limit) return { rows, nextCursor: String(offset) };
      rows.push(value);
    }
    return { rows, nextCursor: null };
  }

  /** All rows, one after the other; what `page` throws comes with the first. */
  async *all(job: JobRecord): AsyncGenerator<Buffer> {
    for await (const { value } of this.#records(job, 0)) yield value;
  }

  async *#records(job: JobRecord, from: number): AsyncGenerator<{ offset: number; value: Buffer }> {
    await this.probe.check();
    const { dlq } = jobTopics(job.jobId);
    const counted = job.checkpoint?.errors ?? 0;
    let reader: TopicReader | null = null;
    try {
      reader = await TopicReader.open(this.kafka, dlq);
      // A topic that still begins at 0 has lost nothing: what was counted is about to become readable.
      const isGone = reader === null || (reader.bounds.start > 0 && reader.bounds.start === reader.bounds.end);
      if (isGone && counted > 0) {
        throw new BatchError('REJECTED_EXPIRED', `The topic '${dlq}' no longer holds the ${counted} rejected rows`);
      }
      if (reader !== null) yield* reader.records(from);
    } catch (error) {
      if (error instanceof BatchError) throw error;
      const failure = classifyFailure(error);
      if (failure === null) throw error;
      throw new BatchError('KAFKA_UNAVAILABLE', `The rejected rows could not be read: ${failure.detail}`, {
        cause: error,
      });
    } finally {
      reader?.close();
    }
  }
}

function offsetOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new BatchError('INVALID_REQUEST', 'cursor must be one that the page before gave');
}
