import type { FileIntake, FileStore } from './file-store.js';

/** Files that come in where one process alone uses the store: its next start knows that they were its own. */
export function untracked(files: Pick<FileStore, 'create' | 'share' | 'requireRoom'>): FileIntake {
  return {
    create: async () => files.create(null),
    share: (key, sizeBytes) => files.share(key, sizeBytes, null),
    requireRoom: (bytes) => files.requireRoom(bytes),
  };
}
