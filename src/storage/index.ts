export { asStorageError, Spool } from './local/spool.js';
export { SpoolFile } from './local/spool-file.js';
export { StoredFile } from './local/stored-file.js';
