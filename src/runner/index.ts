export type { Assignment, FromRunner, Outcome, ToRunner } from './ipc.js';
export { ALIVE_MS, EXIT_LEASE_LOST } from './ipc.js';
export { RunnerPool, type RunnerPoolOptions } from './pool.js';
export { residentBytes } from './resident-memory.js';
export type { RunnerEvents, RunnerLoss, Runners } from './runner-events.js';
