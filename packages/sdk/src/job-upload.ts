import type * as api from './api/types.gen.js';
import { type FieldTable, type FormField, fieldsOf } from './form-fields.js';
import { TEXT_FIELDS, type TextOptions } from './text-options.js';
import type { FormatOption, Job } from './types.js';
import type { UploadContent } from './upload-source.js';

/** A file to ingest and how to read it; what is not given has the contract's default. */
export type JobUpload = JobSettings & (NewFile | KeptFile);

export interface NewFile {
  /** Whatever can be read twice is sent again when the connection breaks: a path, a Blob, bytes. */
  file: UploadContent;
  /** Shown with the job. Default: the path's last part or the File's name, else `stream`. */
  filename?: string | undefined;
  /** Size of a stream in bytes, if it is known: the server can then refuse a large file at once. */
  sizeBytes?: number | undefined;
  fromJob?: undefined;
}

export interface KeptFile {
  /** An ended job, whose kept file is taken; nothing else of that job is. */
  fromJob: string;
  file?: undefined;
}

export interface JobSettings extends TextOptions {
  modelId: string;
  format?: FormatOption | undefined;
  /** What an accepted row becomes in its topic: its own bytes, or a JSON object typed by the model. */
  valueFormat?: Job['options']['value_format'] | undefined;
  /** Compression of the record batches in the job's topics. */
  compression?: Job['options']['compression'] | undefined;
  /** Renames columns: the model's name of a column by the file's name for it. */
  rename?: Readonly<Record<string, string>> | undefined;
  /** Takes a name in a CSV header for the model's column that has it in another case. */
  ignoreHeaderCase?: boolean | undefined;
  /** What is done to the texts of columns before they are checked, by the model's names; needs `valueFormat: 'json'`. */
  normalize?: Readonly<Record<string, ReadonlyArray<Job['options']['normalize'][string][number]>>> | undefined;
  /** `reference` takes the slow reader that the fast one is checked against. */
  csvReader?: Job['options']['csv_reader'] | undefined;
  /** Kept with the job. */
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
  ignore_header_case: 'ignoreHeaderCase',
  normalize: 'normalize',
  csv_reader: 'csvReader',
};

/** The options as form fields, in the contract's spelling. */
export function formFields(upload: JobUpload): FormField[] {
  const metadata = Object.entries(upload.metadata ?? {}).map(([key, value]) => [`metadata.${key}`, value] as const);
  return [...fieldsOf<JobUpload>(JOB_FIELDS, upload), ...metadata];
}
