export { createLog, LOG } from './log.js';
export { NestLog } from './nest-log.js';
export { requestLogging } from './request-logging.js';
