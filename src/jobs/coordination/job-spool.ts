/** The uploaded files, one for each job that still needs its own. */
export interface JobSpool {
  /** Where the runner finds the file, which is complete once the job exists. */
  path(jobId: string): string;
  has(jobId: string): Promise<boolean>;
  /** A file that is not there is no error. */
  remove(jobId: string): Promise<void>;
  /** The ids of the complete files that are there; of some there may be no job. */
  list(): Promise<string[]>;
  /** Moves the file of a job that nobody knows aside; `now` in ms since the epoch. Resolves with where it is then. */
  moveAside(jobId: string, now: number): Promise<string>;
  /** Removes the files that were moved aside `before` (ms since the epoch); resolves with their ids. */
  removeOrphans(before: number): Promise<string[]>;
}
