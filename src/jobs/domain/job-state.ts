import { catalogue, type ErrorCode } from '../../errors/index.js';
import type { JobState } from './job.js';

/** What may follow what. CANCELLED and FAILED are left by `resume` only, see `isResumable`. */
const TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  PENDING: ['RUNNING', 'CANCELLED', 'FAILED'],
  RUNNING: ['SUCCESS', 'PARTIAL_SUCCESS', 'FAILED', 'CANCELLING'],
  CANCELLING: ['CANCELLED', 'SUCCESS', 'PARTIAL_SUCCESS', 'FAILED'],
  SUCCESS: [],
  PARTIAL_SUCCESS: [],
  FAILED: ['PENDING'],
  CANCELLED: ['PENDING'],
};

export const JOB_STATES = Object.keys(TRANSITIONS) as readonly JobState[];

export function isJobState(text: string): text is JobState {
  return Object.hasOwn(TRANSITIONS, text);
}

export function mayFollow(from: JobState, to: JobState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** The job has ended; without a resume nothing changes its state any more. */
export function isTerminal(state: JobState): boolean {
  return state === 'SUCCESS' || state === 'PARTIAL_SUCCESS' || state === 'FAILED' || state === 'CANCELLED';
}

/** A job that failed with one of these is never resumed. */
export const FINAL_ERRORS: readonly ErrorCode[] = (Object.keys(catalogue) as ErrorCode[]).filter(
  (code) => catalogue[code].final === true,
);

/** Whether `resume` may put the job back to PENDING; `error` is what it failed with. */
export function isResumable(state: JobState, error: ErrorCode | null): boolean {
  if (state === 'CANCELLED') return true;
  return state === 'FAILED' && error !== null && !FINAL_ERRORS.includes(error);
}
