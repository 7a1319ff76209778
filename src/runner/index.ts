export { ChildProcessLink } from './child-process-link.js';
export type { Assignment, FromRunner, Outcome, ToRunner, Transaction } from './ipc.js';
export { ALIVE_MS, EXIT_LEASE_LOST } from './ipc.js';
export { parentProcessLink } from './parent-process-link.js';
export { RunnerPool, type RunnerPoolOptions } from './pool.js';
export { residentBytes } from './resident-memory.js';
export type { RunnerEvents, RunnerLoss, Runners } from './runner-events.js';
export type { LinkEvents, RunnerLink, StartRunner } from './runner-link.js';
