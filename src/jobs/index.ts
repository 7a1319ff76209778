export { type Clock, isoTime, systemClock } from './clock.js';
export type { Dialect, Job, JobState } from './job.js';
export { isJobId, newJobId } from './job-id.js';
export { type JobError, type JobRecord, type NewJob, toJob, topicsOf } from './job-record.js';
export { isJobState, isResumable, isTerminal, JOB_STATES } from './job-state.js';
export { type InsertResult, type JobFilter, JobStore } from './job-store.js';
