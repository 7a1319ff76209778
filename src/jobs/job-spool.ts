/** The uploaded files, one for each job that still needs its own. */
export interface JobSpool {
  /** Where the runner finds the file, which is complete once the job exists. */
  path(jobId: string): string;
  has(jobId: string): Promise<boolean>;
  /** A file that is not there is no error. */
  remove(jobId: string): Promise<void>;
  /** The jobs whose complete files are there. */
  list(): Promise<string[]>;
}
