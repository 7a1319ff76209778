export type { BatchClient, CreateJobOptions, JobFilter, ListOptions, RejectedFileOptions } from './client.js';
export { BatchApiError, BatchConnectionError, UploadSizeError, WaitTimeoutError } from './errors.js';
export type { InferUpload } from './infer-upload.js';
export type { JobSettings, JobUpload, KeptFile, NewFile, SourceFile, UploadProgress } from './job-upload.js';
export type { NewFeed } from './new-feed.js';
export { isOutage, type RetryNotice, type RetryPolicy } from './retry.js';
export type { TextOptions } from './text-options.js';
export type { BatchClientOptions, CallOptions } from './transport.js';
export {
  type Backup,
  type Column,
  type Diagnosis,
  type EncodingOption,
  type ErrorCode,
  type Feed,
  type FeedFile,
  type FeedFileState,
  type FeedSummary,
  type Finding,
  type FormatOption,
  type InferredColumn,
  type InferredSchema,
  isLoading,
  isOver,
  type Job,
  type JobSink,
  type JobState,
  type JobSummary,
  type Key,
  type KeyCreate,
  type Liveness,
  type Model,
  type ModelCreate,
  type ModelUpdate,
  type NewKey,
  type Problem,
  type Readiness,
  type RejectedRow,
  type SinkName,
  type SinkStatus,
} from './types.js';
export type { UploadContent } from './upload-source.js';
export type { WaitOptions } from './wait.js';
