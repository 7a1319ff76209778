import type { Logger } from 'pino';
import type { FileLocation, FileStore } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import type { FileRows } from '../store/file-rows.js';
import type { UploadStore } from '../store/upload-store.js';
import { Rounds } from './rounds.js';

export interface JobFilesOptions {
  files: FileStore;
  rows: FileRows;
  uploads: UploadStore;
  /** UPLOAD_IDLE_MS. */
  uploadIdleMs: number;
  clock: Clock;
  log: Logger;
}

const MARK_EVERY_MS = 5_000;
const MIN_STALE_MS = 60_000;
/** Files that one round removes at most, of each kind. */
const AT_ONCE = 100;
/** Beyond that, removals that are not noted yet are repeated. */
const MAX_REMOVED = 10_000;
/** Whoever ends a job removes its file himself, soon. */
const LEFT_AFTER_MS = 60_000;

/**
 * The files of jobs where several processes use one store of files: whatever is to be removed is found by its row, never
 * by a list of the files.
 */
export class JobFiles implements Pick<FileStore, 'location' | 'has' | 'remove'> {
  readonly #rounds: Rounds;
  /** Keys of files that are removed, which their rows do not say yet. */
  readonly #removed = new Set<string>();
  /** When the last sweep found the store there, by the monotonic clock. */
  #sweptAt: number;

  constructor(private readonly options: JobFilesOptions) {
    this.#sweptAt = options.clock.monotonic();
    this.#rounds = new Rounds({
      ...options,
      round: () => this.#mark(),
      everyMs: () => MARK_EVERY_MS,
      failure: 'noting which files are removed failed',
    });
  }

  location(key: string): FileLocation {
    return this.options.files.location(key);
  }

  async has(key: string): Promise<boolean> {
    return this.options.files.has(key);
  }

  /** As `FileStore.remove`. If it rejects, `sweep` removes the file. */
  async remove(key: string): Promise<void> {
    await this.options.files.remove(key);
    if (this.#removed.size < MAX_REMOVED) this.#removed.add(key);
  }

  /** Uploads of other processes are those of dead ones; once, at a start, where that is so. */
  async recover(): Promise<void> {
    await this.options.uploads.abortOthers();
  }

  /** Notes every 5 s which files were removed, until `stop`. */
  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    // If the store is away, they are removed once more.
    await this.#mark().catch(() => undefined);
  }

  /**
   * Gives up the uploads that no process touches, removes what those left that were given up a while ago, and what ended
   * jobs left. In between, an upload that was slow, and not dead, finds out and ends: nothing of it comes behind the
   * removal. The time since the last sweep
   * is not counted: the store may have been away. Rejects only if the store does.
   */
  async sweep(): Promise<void> {
    const { uploads, rows, uploadIdleMs, clock, log } = this.options;
    const staleMs = Math.max(MIN_STALE_MS, 2 * uploadIdleMs);
    const aborted = await uploads.abortStale(Math.ceil(staleMs + clock.monotonic() - this.#sweptAt));
    this.#sweptAt = clock.monotonic();
    if (aborted > 0) log.info({ uploads: aborted }, 'gave up uploads whose process gives no sign of life');
    for (const key of await uploads.aborted(staleMs, AT_ONCE)) {
      if (await this.#tryRemove(key)) await uploads.delete(key);
      else await uploads.postpone(key);
    }
    for (const key of await rows.left(clock.now() - LEFT_AFTER_MS, AT_ONCE)) {
      if (this.#removed.has(key) || !(await this.#tryRemove(key))) continue;
      this.#removed.add(key);
    }
    await this.#mark();
  }

  async #tryRemove(key: string): Promise<boolean> {
    try {
      await this.options.files.remove(key);
      return true;
    } catch (error) {
      this.options.log.warn({ err: error, file: key }, 'could not remove a file that nobody needs, retrying');
      return false;
    }
  }

  async #mark(): Promise<void> {
    const keys = [...this.#removed];
    if (keys.length === 0) return;
    await this.options.rows.markGone(keys);
    for (const key of keys) this.#removed.delete(key);
  }
}
