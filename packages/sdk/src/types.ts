import type { components } from './api-types.js';

type Schemas = components['schemas'];

/** One file being ingested; see the contract for what each member promises. */
export type Job = Schemas['Job'];
/** A job as lists show it, without its columns. */
export type JobSummary = Schemas['JobSummary'];
export type JobState = Schemas['JobState'];
/** A named, versioned schema that rows must satisfy. */
export type Model = Schemas['Model'];
export type ModelCreate = Schemas['ModelCreate'];
export type ModelUpdate = Schemas['ModelUpdate'];
export type Column = Schemas['Column'];
/** A schema proposed for a file, and what speaks for it. */
export type InferredSchema = Schemas['InferredSchema'];
export type InferredColumn = Schemas['InferredColumn'];
export type InferForm = Schemas['InferUpload'];
/** A row that does not satisfy its model, with every reason. */
export type RejectedRow = Schemas['RejectedRow'];
/** The body of every error answer (RFC 9457). */
export type Problem = Schemas['Problem'];
export type ErrorCode = Schemas['ErrorCode'];
export type Liveness = Schemas['Liveness'];
export type Readiness = Schemas['Readiness'];
export type FormatOption = Schemas['FormatOption'];
export type EncodingOption = Schemas['EncodingOption'];

const OVER: readonly JobState[] = ['SUCCESS', 'PARTIAL_SUCCESS', 'FAILED', 'CANCELLED'];

/** Whether nothing more will happen to the job unless somebody resumes it. */
export function isOver(state: JobState): boolean {
  return OVER.includes(state);
}
