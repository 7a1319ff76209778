export type { Assignment, Outcome } from './messages.js';
export { RunnerPool, type RunnerPoolOptions } from './pool.js';
export type { JobRunners, RunnerLoss, RunnerPoolHost } from './pool-host.js';
export { DEFAULT_OPTIONS, type ProcessingOptions, readOptions } from './processing-options.js';
