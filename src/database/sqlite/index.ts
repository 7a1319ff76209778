export { SqliteThread } from './thread.js';
