export { holdFolder } from './hold-folder.js';
export { SqliteThread } from './thread.js';
