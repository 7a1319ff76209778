export { holdFolder } from './hold-folder.js';
export {
  copyDurably,
  removeDatabase,
  replaceDatabase,
  requireBackup,
  requireUnused,
  syncPath,
  UnusableBackup,
} from './replace.js';
export { SqliteThread } from './thread.js';
