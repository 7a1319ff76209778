import type { Kafka } from 'kafkajs';
import type { KafkaConfig } from '../../src/config/index.js';
import { createKafka } from '../../src/kafka/index.js';
import { TOPIC_PREFIX } from './names.js';

/** A client as the service makes its own. `brokers`: as KAFKA_BROKERS has them. */
export function kafkaAt(brokers: string): Kafka {
  return createKafka(kafkaConfig(brokers));
}

/** The service's settings for these brokers, without TLS and SASL. */
export function kafkaConfig(brokers: string): KafkaConfig {
  return {
    brokers: brokers.split(','),
    clientId: 'test',
    topicPrefix: TOPIC_PREFIX,
    adoptPrefix: false,
    replicationFactor: 1,
    unavailableAfterMs: 60_000,
    tls: null,
    sasl: null,
  };
}
