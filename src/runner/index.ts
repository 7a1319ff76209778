export type { Assignment, FileReading, Outcome } from './messages.js';
export { RunnerPool, type RunnerPoolOptions } from './pool.js';
export type { JobRunners, RunnerLoss, RunnerPoolHost } from './pool-host.js';
export {
  DEFAULT_OPTIONS,
  MAX_NULL_VALUE_LENGTH,
  MAX_NULL_VALUES,
  type ProcessingOptions,
  readOptions,
} from './processing-options.js';
export { residentBytes } from './resident-memory.js';
