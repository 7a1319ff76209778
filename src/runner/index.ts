export type { Assignment, Outcome } from './messages.js';
export type { JobRunners, RunnerLoss, RunnerPoolHost } from './pool-host.js';
