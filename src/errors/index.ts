export { catalogue, type ErrorCode } from './catalogue.js';
export { ServiceError } from './service-error.js';
