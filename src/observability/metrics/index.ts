export { Metrics, type RunnerExitReason } from './metrics.js';

/** Where Nest finds the process's Metrics. */
export const METRICS = Symbol('metrics');
