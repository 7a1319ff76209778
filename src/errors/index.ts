export { BatchError } from './batch-error.js';
export { catalogue, type ErrorCode } from './catalogue.js';
