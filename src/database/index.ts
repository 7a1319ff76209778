export { type Database, openDatabase } from './open-database.js';
export type { JobsTable, Tables } from './tables.js';
