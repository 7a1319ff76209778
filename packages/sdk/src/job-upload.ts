import type * as api from './api/types.gen.js';
import { type FieldTable, type FormField, fieldsOf } from './form-fields.js';
import { TEXT_FIELDS, type TextOptions } from './text-options.js';
import type { FormatOption, Job, SinkName } from './types.js';
import type { UploadContent } from './upload-source.js';

/** A file to ingest and how to read it. An option that is not given has the contract's default. */
export type JobUpload = JobSettings & (NewFile | KeptFile | SourceFile);

export interface NewFile {
  /** If it can be read twice (a path, a Blob, bytes), it is sent again after the connection breaks. */
  file: UploadContent;
  /** Shown with the job. Default: the last part of the path, the name of the File, or `stream`. */
  filename?: string | undefined;
  /** Size of a stream in bytes, if it is known: the server can then refuse a large file at once. */
  sizeBytes?: number | undefined;
  fromJob?: undefined;
  source?: undefined;
}

export interface KeptFile {
  /** The id of an ended job. Its kept file is used; its options are not. */
  fromJob: string;
  file?: undefined;
  source?: undefined;
}

export interface SourceFile {
  /**
   * The URI of a file that the service reads where it lies: `s3://bucket/key`, `file:///path` on the server, `gs:`, `az:`,
   * `https:`. Without credentials: the server has those.
   */
  source: string;
  file?: undefined;
  fromJob?: undefined;
}

export interface JobSettings extends TextOptions {
  modelId: string;
  /** Format of the file. Default: `auto`, detected from its first bytes. */
  format?: FormatOption | undefined;
  /** An accepted row's value: `raw`: its own bytes (default); `json`: an object typed by the model. */
  valueFormat?: Job['options']['value_format'] | undefined;
  /** Compression of the record batches: `none` (default), `gzip` or `zstd`. */
  compression?: Job['options']['compression'] | undefined;
  /** Rename columns: names in the file → names in the model. */
  rename?: Readonly<Record<string, string>> | undefined;
  /** What becomes of empty and repeated column names in the header: `lenient`: others are made (default); `strict`: an error. */
  headerNames?: Job['options']['header_names'] | undefined;
  /** Whether a column name in the header may be in another case than in the model. */
  ignoreHeaderCase?: boolean | undefined;
  /** Text operations to apply to columns before validation, by the model's names; needs `valueFormat: 'json'`. */
  normalize?: Readonly<Record<string, ReadonlyArray<Job['options']['normalize'][string][number]>>> | undefined;
  /** What a record that breaks at a quote does: `continue`: it is rejected (default); `stop`: the job fails with BROKEN_RECORD. */
  onBroken?: Job['options']['on_broken'] | undefined;
  /** Which reader reads the file: `auto`, the fast one (default), or `reference`, to compare with it. */
  csvReader?: Job['options']['csv_reader'] | undefined;
  /** Databases that the rows are loaded into from the topics. Default: the model's, or those of the service. */
  sinks?: ReadonlyArray<SinkName> | undefined;
  /** When rows are loaded: `success`, once the whole file is delivered (default), or `streaming`, also while it is. */
  sinkWhen?: Job['options']['sink_when'] | undefined;
  /** Number of rows that a sink may reject before it gives the job up. Default: 1000. */
  maxSinkErrors?: number | undefined;
  /** What PostgreSQL does with a row that is there already: `update` (default) or `skip`. */
  onConflict?: Job['options']['on_conflict'] | undefined;
  /** Control totals: what is known of the file. A job whose file differs fails with EXPECTATION_FAILED. */
  expect?: Job['options']['expect'] | undefined;
  /** Stored with the job. */
  metadata?: Readonly<Record<string, string>> | undefined;
}

export interface UploadProgress {
  bytesSent: number;
  /** null if the size is unknown. */
  bytesTotal: number | null;
}

const JOB_FIELDS: FieldTable<api.JobUpload & api.JobFromKeptFile, JobSettings & KeptFile> = {
  model_id: 'modelId',
  from_job: 'fromJob',
  format: 'format',
  ...TEXT_FIELDS,
  value_format: 'valueFormat',
  compression: 'compression',
  rename: 'rename',
  header_names: 'headerNames',
  ignore_header_case: 'ignoreHeaderCase',
  normalize: 'normalize',
  on_broken: 'onBroken',
  csv_reader: 'csvReader',
  sinks: 'sinks',
  sink_when: 'sinkWhen',
  max_sink_errors: 'maxSinkErrors',
  on_conflict: 'onConflict',
  expect: 'expect',
};

/** The options as form fields, in the contract's spelling. */
export function formFields(upload: JobSettings & (NewFile | KeptFile)): FormField[] {
  const metadata = Object.entries(upload.metadata ?? {}).map(([key, value]) => [`metadata.${key}`, value] as const);
  // An empty field would count as not given.
  const none: FormField[] = upload.sinks?.length === 0 ? [['sinks', 'none']] : [];
  return [
    ...fieldsOf<JobUpload>(JOB_FIELDS, upload).filter(([name, value]) => name !== 'sinks' || value !== ''),
    ...none,
    ...metadata,
  ];
}

/** The same options as JSON, for a file that is read where it lies. */
export function sourceBody(upload: JobSettings & SourceFile): api.JobFromSource {
  const { modelId, source, metadata } = upload;
  const options = Object.entries(JOB_FIELDS).flatMap(([name, option]) => {
    const value: unknown = option === 'modelId' || option === 'fromJob' ? undefined : upload[option];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    model_id: modelId,
    source: { uri: source },
    options: Object.fromEntries(options),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
  };
}
