import { Kafka, type KafkaConfig as KafkaJsConfig, logLevel } from 'kafkajs';
import type { KafkaConfig } from '../config/index.js';
import { tryEveryServer } from './bootstrap-servers.js';
import { registerCodecs } from './compression.js';
import { stopIdleTimers } from './idle-timers.js';
import { askForNamedTopicsOnly } from './named-topics.js';
import { saslMechanism } from './sasl.js';
import { prepareExchanges, renewShortSessions } from './sasl-sessions.js';

stopIdleTimers();
askForNamedTopicsOnly();
renewShortSessions();
prepareExchanges();
tryEveryServer();

/**
 * How every part of the service connects: kafkajs stays silent (failures come as errors, which we log ourselves) and
 * retries little, since whoever calls knows better when to try again.
 */
export function kafkaClientOptions(config: KafkaConfig): KafkaJsConfig {
  return {
    clientId: config.clientId,
    brokers: [...config.brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    ...(config.tls && { ssl: { ...config.tls } }),
    ...(config.sasl && { sasl: saslMechanism(config.sasl) }),
    // A connection tries another server each time.
    retry: { retries: Math.max(2, config.brokers.length - 1), initialRetryTime: 50, maxRetryTime: 500 },
  };
}

export function createKafka(config: KafkaConfig): Kafka {
  registerCodecs();
  return new Kafka(kafkaClientOptions(config));
}
