export {
  FILE_STORE,
  type FileIntake,
  type FileLocation,
  type FileStore,
  type IncomingFile,
  type OpenFile,
  type UncommittedFile,
} from './file-store.js';
export { LazyThread, type ThreadWorker } from './lazy-thread.js';
export { LocalFileStore } from './local/local-file-store.js';
export { openFile } from './open-file.js';
export { RangedFile, type RangeFetcher } from './ranged-file.js';
export { RetriedFile, type RetriedFileOptions } from './retried-file.js';
export { S3FileStore } from './s3/s3-file-store.js';
export { SequentialFile, type WholeFetcher } from './sequential-file.js';
export { openStoredFile, StoredFile } from './stored-file.js';
export { untracked } from './untracked.js';
