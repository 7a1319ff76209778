export { DATABASE } from './database.token.js';
export { type MigrateMode, type SchemaState, schemaState } from './migrations.js';
export { isPostgres, nextSeq, storeIsoTime, storeTime } from './next-seq.js';
export { type Database, openDatabase, openPostgres } from './open-database.js';
export { beforeSeq, type Page, toPage } from './page.js';
export type { PostgresFacts } from './postgres/inspect.js';
export type { Listener } from './postgres/listener.js';
export { listenPostgres, notifyPostgres, readPostgresFacts } from './postgres/notifications.js';
export type { JobsTable, SinkLoadsTable, Tables } from './tables.js';
