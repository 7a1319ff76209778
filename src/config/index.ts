export { type Config, type KafkaConfig, loadConfig } from './config.js';
