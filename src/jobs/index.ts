export { refuseInapplicable } from './applicable-options.js';
export { invalidOption } from './invalid-option.js';
export type { Dialect } from './job.js';
export { inspectUpload, knownDialect } from './job-intake.js';
export { collectOptions, type JobRequest, parsePartialOptions } from './job-options.js';
export { shownDialect } from './job-record.js';
export { JobsModule } from './jobs.module.js';
export { DIALECT_OPTIONS, readOptionValues } from './option-values.js';
export { PrefixOwnership } from './prefix-ownership.js';
