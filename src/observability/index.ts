export { ErrorsLog } from './errors-log.js';
export { createLog, LOG } from './log.js';
