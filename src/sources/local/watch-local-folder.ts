import { watch } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FolderWatch {
  /** false: the folder is not there any more, or is another one, and nothing is told of it. */
  isAlive(): Promise<boolean>;
  close(): void;
}

/**
 * Calls `onFile` with the name of each plain file that is created in the folder or renamed into it, as far as the system
 * tells: not on network mounts, nor of what is below. One watch of the system, whatever the folder holds. Throws the system's error.
 */
export async function watchLocalFolder(folder: string, onFile: (name: string) => void): Promise<FolderWatch> {
  const { dev, ino } = await lstat(folder);
  let isOver = false;
  const watcher = watch(folder, { persistent: false }, (event, name) => {
    // A file that is written to tells so each time.
    if (event !== 'rename' || name === null) return;
    // The one that is removed, too.
    void lstat(join(folder, name)).then(
      (stats) => {
        if (!isOver && stats.isFile()) onFile(name);
      },
      () => undefined,
    );
  });
  watcher.on('error', () => {
    isOver = true;
    watcher.close();
  });
  return {
    async isAlive() {
      if (isOver) return false;
      const now = await lstat(folder).catch(() => null);
      return now?.dev === dev && now.ino === ino;
    },
    close() {
      isOver = true;
      watcher.close();
    },
  };
}
