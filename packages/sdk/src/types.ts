import type * as api from './api/types.gen.js';

/** One file being ingested; see the contract for what each member promises. */
export type Job = api.Job;
/** A job as lists show it, without its columns. */
export type JobSummary = api.JobSummary;
export type JobState = api.JobState;
/** How far the rows of a job are in one sink. */
export type JobSink = api.JobSink;
export type SinkName = api.SinkName;
/** A sink of the service, and how many jobs wait for it. */
export type SinkStatus = api.SinkStatus;
/** A named, versioned schema that rows must satisfy. */
export type Model = api.Model;
export type ModelCreate = api.ModelCreate;
export type ModelUpdate = api.ModelUpdate;
export type Column = api.Column;
/** A schema proposed for a file, and what speaks for it. */
export type InferredSchema = api.InferredSchema;
export type InferredColumn = api.InferredColumn;
export type InferForm = api.InferUpload;
/** A row that does not satisfy its model, with every reason. */
export type RejectedRow = api.RejectedRow;
/** A source whose files become jobs as they arrive. */
export type Feed = api.Feed;
/** A feed as lists show it, without the numbers of its files. */
export type FeedSummary = api.FeedSummary;
/** One version of a file that a feed has found, and what became of it. */
export type FeedFile = api.FeedFile;
export type FeedFileState = api.FeedFileState;
/** What is known of an API key. */
export type Key = api.Key;
export type KeyCreate = api.KeyCreate;
/** A key that was just created, and itself. */
export type NewKey = api.NewKey;
/** The body of every error answer (RFC 9457). */
export type Problem = api.Problem;
export type ErrorCode = api.ErrorCode;
export type Liveness = api.Liveness;
export type Backup = api.Backup;
export type Diagnosis = api.Diagnosis;
export type Finding = api.Finding;
export type Readiness = api.Readiness;
export type FormatOption = api.FormatOption;
export type EncodingOption = api.EncodingOption;
export type QuotesOption = api.QuotesOption;

const OVER: readonly JobState[] = ['SUCCESS', 'PARTIAL_SUCCESS', 'FAILED', 'CANCELLED'];

/** Whether nothing more will happen to the job unless somebody resumes it. */
export function isOver(state: JobState): boolean {
  return OVER.includes(state);
}

/** Whether a job's rows are still being loaded into its sinks, or will be without anybody doing anything. */
export function isLoading({ state, error, sinks }: JobSummary): boolean {
  if (sinks.some((sink) => sink.state === 'LOADING' || sink.state === 'RETRYING' || sink.state === 'REMOVING'))
    return true;
  // Those of a job that has failed or was cancelled wait for somebody to resume it.
  const isReadToEnd = state === 'SUCCESS' || state === 'PARTIAL_SUCCESS' || error?.code === 'ALL_ROWS_REJECTED';
  return isReadToEnd && sinks.some((sink) => sink.state === 'PENDING');
}
