// Its index loads every other transport as well, which takes a sixth of the service's start.
import { ClientKafka } from '@nestjs/microservices/client/client-kafka.js';
import { lastValueFrom } from 'rxjs';
import type { KafkaConfig } from '../../config/index.js';
import { kafkaClientOptions } from '../../kafka/index.js';
import type { JobEvent } from './job-event.js';

/** One connection to the topic of the jobs. After any error it is closed and another one takes its place. */
export interface JobEventProducer {
  /**
   * Resolves when every event, in one batch, is acknowledged. If it rejects, none, some or all may have arrived; none
   * if the error `isTooLarge`.
   */
  send(events: readonly JobEvent[]): Promise<void>;
  /** As `send`: a record without a value under each id, so that compaction removes what is under it. */
  sendTombstones(jobIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Idempotent, one request at a time: events arrive in the order in which they were sent, each once. */
export async function connectJobEvents(config: KafkaConfig, topic: string): Promise<JobEventProducer> {
  const client = new ClientKafka({
    client: { ...kafkaClientOptions(config), requestTimeout: 10_000 },
    producerOnlyMode: true,
    producer: {
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 500 },
    },
    send: { acks: -1 },
  });
  await client.connect();
  return {
    async send(events) {
      const messages = events.map(({ job, value }) => ({ key: job.job_id, value }));
      await lastValueFrom(client.emitBatch<unknown>(topic, { messages }));
    },
    async sendTombstones(jobIds) {
      const messages = jobIds.map((key) => ({ key, value: null }));
      await lastValueFrom(client.emitBatch<unknown>(topic, { messages }));
    },
    close: () => client.close(),
  };
}
