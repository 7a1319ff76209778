import type { Database } from '../../database/index.js';
import { isoTime } from '../domain/clock.js';

/** Statements take a value for each of them. */
const MARKED_AT_ONCE = 200;

/** Which row of the jobs has which file. A write is durable when its promise resolves. */
export class FileRows {
  constructor(private readonly db: Database) {}

  /** The keys of the rows' files. */
  async keysOf(jobIds: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.db
      .selectFrom('jobs')
      .select(['job_id', 'file_key'])
      .where('job_id', 'in', jobIds)
      .execute();
    return new Map(rows.flatMap(({ job_id, file_key }) => (file_key === null ? [] : [[job_id, file_key]])));
  }

  /** The id of the row that has the file, job or not. */
  async holderOf(key: string): Promise<string | undefined> {
    const row = await this.db.selectFrom('jobs').select('job_id').where('file_key', '=', key).executeTakeFirst();
    return row?.job_id;
  }

  /** Keys of files that no job needs since `before` (ms since the epoch), and that may not be removed. */
  async left(before: number, limit: number): Promise<string[]> {
    const rows = await this.db
      .selectFrom('jobs')
      .select('file_key')
      // Not as parameters, or SQLite does not use the index of these rows.
      .where((eb) => eb('spooled', '=', eb.lit(0)))
      .where((eb) => eb('file_gone', '=', eb.lit(0)))
      .where('finished_at', '<', isoTime(before))
      .orderBy('finished_at')
      .limit(limit)
      .execute();
    return rows.flatMap(({ file_key }) => file_key ?? []);
  }

  /** The files are removed. */
  async markGone(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += MARKED_AT_ONCE) {
      const some = keys.slice(at, at + MARKED_AT_ONCE);
      await this.db.updateTable('jobs').set({ file_gone: 1 }).where('file_key', 'in', some).execute();
    }
  }
}
