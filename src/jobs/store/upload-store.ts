import { type Database, storeTime } from '../../database/index.js';
import type { Clock } from '../domain/clock.js';

/**
 * The rows of files that come in: UPLOADING, from before the first byte until a row of jobs has the file. A write is
 * durable when its promise resolves. Times are the store's.
 */
export class UploadStore {
  /** `owner`: this start of the process. */
  constructor(
    private readonly db: Database,
    private readonly owner: string,
    private readonly clock: Pick<Clock, 'steady'>,
  ) {}

  /** A file is about to come in. */
  async begin(key: string): Promise<void> {
    await this.db
      .insertInto('uploads')
      .values({ file_key: key, owner: this.owner, phase: 'UPLOADING', touched_at: this.#now() })
      .execute();
  }

  /** Says that these files still come in. Gives the keys of which that is true for the store, too. */
  async touch(keys: readonly string[]): Promise<Set<string>> {
    if (keys.length === 0) return new Set();
    const rows = await this.db
      .updateTable('uploads')
      .set({ touched_at: this.#now() })
      .where('file_key', 'in', keys)
      .where('owner', '=', this.owner)
      .where('phase', '=', 'UPLOADING')
      .returning('file_key')
      .execute();
    return new Set(rows.map((row) => row.file_key));
  }

  /** When the file is removed. */
  async delete(key: string): Promise<void> {
    await this.db.deleteFrom('uploads').where('file_key', '=', key).execute();
  }

  /** Gives up the uploads that were not touched for `ms`. How many there were. */
  async abortStale(ms: number): Promise<number> {
    const { numUpdatedRows } = await this.db
      .updateTable('uploads')
      .set({ phase: 'ABORTED', touched_at: this.#now() })
      .where('phase', '=', 'UPLOADING')
      .where('touched_at', '<', (eb) => eb(this.#now(), '-', ms))
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** Gives up all uploads of other owners, which are gone: only one process at a time has the store. */
  async abortOthers(): Promise<void> {
    await this.db
      .updateTable('uploads')
      .set({ phase: 'ABORTED', touched_at: 0 })
      .where('owner', '!=', this.owner)
      .execute();
  }

  /** Keys of uploads that were given up at least `ms` ago, the oldest first. */
  async aborted(ms: number, limit: number): Promise<string[]> {
    const rows = await this.db
      .selectFrom('uploads')
      .select('file_key')
      .where('phase', '=', 'ABORTED')
      .where('touched_at', '<=', (eb) => eb(this.#now(), '-', ms))
      .orderBy('touched_at')
      .limit(limit)
      .execute();
    return rows.map((row) => row.file_key);
  }

  /** The file could not be removed: it comes after the others. */
  async postpone(key: string): Promise<void> {
    await this.db.updateTable('uploads').set({ touched_at: this.#now() }).where('file_key', '=', key).execute();
  }

  #now() {
    return storeTime(this.db, this.clock.steady());
  }
}
