export { areFilesShared, type Config, isLoopback, type KafkaConfig, loadConfig, type Role } from './config.js';
export type { AwsMskIamSasl, ClientCredentials, OAuthBearerSasl, PasswordSasl, TokenSasl } from './kafka-sasl.js';
export { SINK_URLS, type SinkDdl, type SinksConfig } from './sinks.js';
export type { TracingConfig } from './tracing.js';

/** Where Nest finds the configuration. */
export const CONFIG = Symbol('config');
