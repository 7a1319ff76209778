import type { Kafka } from 'kafkajs';
import { createKafka } from '../../src/kafka/index.js';

/** A client as the service makes its own. `brokers`: as KAFKA_BROKERS has them. */
export function kafkaAt(brokers: string): Kafka {
  return createKafka({
    brokers: brokers.split(','),
    clientId: 'test',
    replicationFactor: 1,
    unavailableAfterMs: 60_000,
    tls: null,
    sasl: null,
  });
}
