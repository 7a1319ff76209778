export { PrefixOwnership } from './coordination/prefix-ownership.js';
export { JobsModule } from './jobs.module.js';
