export { DATABASE } from './database.token.js';
export { type Database, openDatabase } from './open-database.js';
export { beforeSeq, type Page, toPage } from './page.js';
export type { JobsTable, Tables } from './tables.js';
