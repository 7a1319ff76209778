export { type Config, type KafkaConfig, loadConfig } from './config.js';

/** Where Nest finds the configuration. */
export const CONFIG = Symbol('config');
