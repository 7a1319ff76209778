import {
  type Expression,
  type ExpressionBuilder,
  type Selectable,
  type SelectQueryBuilder,
  sql,
  type UpdateObject,
} from 'kysely';
import {
  beforeSeq,
  type Database,
  isPostgres,
  type Page,
  storeTime,
  type Tables,
  toPage,
} from '../../database/index.js';
import type { ErrorCode } from '../../errors/index.js';
import { type Clock, isoTime, type JobState } from '../../jobs/index.js';
import { contentHash, type JobSource, type ListedFile } from '../../sources/index.js';
import type { FeedDefinition, FeedError } from '../domain/feed.js';
import { type AfterState, type FileState, fileKeyOf, type StoredFile, uriKeyOf } from '../domain/feed-file.js';

/** The job of a file that has ended; null: there is no such job any more. */
export interface EndedJob {
  readonly file: StoredFile;
  readonly job: { state: JobState; error: FeedError | null } | null;
}

/** How a file ends: `error` is null if its rows were delivered. */
export interface FileOutcome {
  readonly file: Pick<StoredFile, 'fileKey' | 'attempt'>;
  readonly error: FeedError | null;
  /** Something is to become of the file itself. */
  readonly isDisposed: boolean;
}

/** A file of which something is to become. */
export interface AfterFile {
  readonly file: StoredFile;
  /** null: there is no such job any more. */
  readonly job: {
    state: JobState;
    source: JobSource | null;
    sinks: readonly { name: string; state: string }[];
  } | null;
}

export interface FileFilter {
  state?: FileState | undefined;
  limit: number;
  cursor?: string | undefined;
}

type Row = Selectable<Tables['feed_files']>;

const DAY_MS = 86_400_000;
/** A row has 20 values, and SQLite takes 32,766 in a statement. */
const ROWS_AT_ONCE = 1_000;
/** Why a file was not read that is refuted when its version is listed again: it was away for a while. */
const AWAY: readonly ErrorCode[] = ['SOURCE_CHANGED', 'SOURCE_NOT_FOUND'];
/** After this number of times a file that is listed, and not there to be read, has failed. */
const MAX_RETURNS = 10;
const ENDED: readonly JobState[] = ['SUCCESS', 'PARTIAL_SUCCESS', 'FAILED', 'CANCELLED'];

/** The files that feeds have found, in the database: their load history. A write is durable when its promise resolves. */
export class FeedFileStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Those of a page of a listing (1,000 files at most) that the feed is to take: the versions that it has not found before, or,
   * with again=`never`, the files of which it has taken no version. One that was gone before it was read was not taken. Notes
   * of the others, once a day, that they are still listed.
   */
  async unseen(
    feedId: string,
    again: FeedDefinition['again'],
    page: readonly ListedFile[],
  ): Promise<readonly ListedFile[]> {
    if (page.length === 0) return page;
    const isByUri = again === 'never';
    const keyOf = (file: ListedFile): string => (isByUri ? uriKeyOf(feedId, file.uri) : fileKeyOf(feedId, file));
    const keys = new Map(page.map((file) => [keyOf(file), file]));
    const listed = new Set(page.map((file) => fileKeyOf(feedId, file)));
    const rows = await this.db
      .selectFrom('feed_files')
      .select([isByUri ? 'uri_key as key' : 'file_key as key', 'file_key', 'tries'])
      .select((eb) => [eb('seen_at', '<', eb(this.#now, '-', DAY_MS)).as('is_stale'), isUnread(eb).as('is_unread')])
      .where(isByUri ? 'uri_key' : 'file_key', 'in', [...keys.keys()])
      .execute();
    const stale = rows.filter(({ is_stale }) => Boolean(is_stale)).map(({ file_key }) => file_key);
    if (stale.length > 0) {
      await this.db.updateTable('feed_files').set({ seen_at: this.#now }).where('file_key', 'in', stale).execute();
    }
    for (const { key, file_key, tries, is_unread } of rows) {
      const isOver = tries >= MAX_RETURNS && listed.has(file_key);
      if (!is_unread || isOver) keys.delete(key);
    }
    return this.#changed(feedId, [...keys.values()]);
  }

  /** Without those whose content is that of the version before, of which only the metadata were changed. */
  async #changed(feedId: string, files: readonly ListedFile[]): Promise<readonly ListedFile[]> {
    const keys = files.filter((file) => contentHash(file) !== null).map(({ uri }) => uriKeyOf(feedId, uri));
    if (keys.length === 0) return files;
    const rows = await this.db
      .selectFrom('feed_files')
      .select(['file_key', 'uri_key', 'uri', 'version', 'size_bytes'])
      .select((eb) => isUnread(eb).as('is_unread'))
      .where('uri_key', 'in', keys)
      .orderBy('seq')
      .execute();
    const last = new Map(rows.map((row) => [row.uri_key, row]));
    const isSame = (file: ListedFile): boolean => {
      const known = last.get(uriKeyOf(feedId, file.uri));
      if (known === undefined || known.is_unread || known.size_bytes !== file.sizeBytes) return false;
      return contentHash(known) !== null && contentHash(known) === contentHash(file);
    };
    const same = files.filter(isSame).map(({ uri }) => last.get(uriKeyOf(feedId, uri))?.file_key ?? '');
    if (same.length === 0) return files;
    // It is the one that is listed.
    await this.db.updateTable('feed_files').set({ seen_at: this.#now }).where('file_key', 'in', same).execute();
    return files.filter((file) => !isSame(file));
  }

  /**
   * Files to take, PENDING, in the order given. One that the feed has found before stays as it is, unless it was gone before it
   * was read. `owner`: who has listed them; nothing is added if another process works on the feed by now, or it was created anew.
   */
  async add(feedId: string, files: readonly ListedFile[], owner?: string): Promise<void> {
    if (files.length === 0) return;
    const at = isoTime(this.clock.now());
    await this.db.transaction().execute(async (transaction) => {
      if (owner !== undefined) {
        const held = await transaction
          .selectFrom('feeds')
          .select('id')
          .where('id', '=', feedId)
          .where('lease_owner', '=', owner)
          .$if(isPostgres(transaction), (query) => query.forShare())
          .execute();
        if (held.length === 0) return;
      }
      // One process writes to a SQLite, one statement after the other.
      const last = isPostgres(transaction)
        ? null
        : await transaction
            .selectFrom('feed_files')
            .select((eb) => eb.fn.max('seq').as('seq'))
            .executeTakeFirst();
      const seqOf = (place: number) =>
        last === null ? sql<number>`nextval('feed_files_order')` : (last?.seq ?? 0) + 1 + place;
      const rows = files.map((file, place) => ({
        file_key: fileKeyOf(feedId, file),
        uri_key: uriKeyOf(feedId, file.uri),
        feed_id: feedId,
        seq: seqOf(place),
        uri: file.uri,
        version: file.version,
        size_bytes: file.sizeBytes,
        modified_at: file.modifiedAt.toISOString(),
        state: 'PENDING',
        run_after: 0,
        tries: 0,
        attempt: 1,
        after_due: 0,
        seen_at: this.#now,
        found_at: at,
        updated_at: at,
      }));
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        await transaction
          .insertInto('feed_files')
          .values(rows.slice(from, from + ROWS_AT_ONCE))
          .onConflict((conflict) =>
            conflict
              .column('file_key')
              .doUpdateSet((eb) => ({
                state: 'PENDING',
                tries: eb('feed_files.tries', '+', 1),
                error_code: null,
                error_message: null,
                finished_at: null,
                seen_at: eb.ref('excluded.seen_at'),
                updated_at: at,
              }))
              .where((eb) => isUnread(eb))
              .where('feed_files.tries', '<', MAX_RETURNS),
          )
          .execute();
      }
    });
  }

  /** Those that are to be taken now, in the order in which they were found. */
  async due(feedId: string, limit: number): Promise<StoredFile[]> {
    const rows = await this.#inState(feedId, 'PENDING')
      .selectAll()
      .where('run_after', '<=', this.#now)
      .orderBy('run_after')
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map(fromRow);
  }

  /** Time in ms until the next file is to be taken, negative: one is due. null: there is none. */
  async nextDueMs(feedId: string): Promise<number | null> {
    const row = await this.#inState(feedId, 'PENDING')
      .select((eb) => eb(eb.fn.min('run_after'), '-', this.#now).as('ms'))
      .executeTakeFirst();
    return row?.ms ?? null;
  }

  /** How many have a job whose end is not known yet. */
  async inProgress(feedId: string): Promise<number> {
    const { count } = await this.#inState(feedId, 'IN_PROGRESS')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return count;
  }

  /** A PENDING file has its job. */
  async begin({ fileKey, attempt }: Pick<StoredFile, 'fileKey' | 'attempt'>, jobId: string): Promise<void> {
    await this.db
      .updateTable('feed_files')
      .set({ state: 'IN_PROGRESS', job_id: jobId, error_code: null, error_message: null, ...this.#updated })
      .where('file_key', '=', fileKey)
      .where('attempt', '=', attempt)
      .where('state', '=', 'PENDING')
      .execute();
  }

  /** The job of a PENDING file, of an earlier attempt, is not to be resumed: the next attempt has another one. */
  async beginAttempt(file: StoredFile): Promise<StoredFile> {
    const next = { ...file, attempt: file.attempt + 1, jobId: null };
    await this.db
      .updateTable('feed_files')
      .set({ attempt: next.attempt, job_id: null, ...this.#updated })
      .where('file_key', '=', file.fileKey)
      .where('attempt', '=', file.attempt)
      .where('state', '=', 'PENDING')
      .execute();
    return next;
  }

  /** Has files that FAILED taken again: those of these keys, or all. How many there were. */
  async retry(feedId: string, fileKeys: readonly string[] | null): Promise<number> {
    const { numUpdatedRows } = await this.db
      .updateTable('feed_files')
      .set({ state: 'PENDING', tries: 0, run_after: this.#now, finished_at: null, ...this.#updated })
      .where('feed_id', '=', feedId)
      .where('state', '=', 'FAILED')
      .$if(fileKeys !== null, (query) => query.where('file_key', 'in', fileKeys ?? []))
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** Forgets what was found and not taken, up to `limit` files. How many there were. */
  async forgetPending(feedId: string, limit: number): Promise<number> {
    return this.#forget(this.#inState(feedId, 'PENDING').where('job_id', 'is', null).select('file_key').limit(limit));
  }

  /**
   * Forgets what has ended and was not listed any more for `ms` before the last whole listing, or, if the feed is deleted, what has no
   * job under way and was not listed for `ms` before now; up to `limit` files. How many there were.
   */
  async forgetOld(feedId: string, ms: number, isDeleted: boolean, limit: number): Promise<number> {
    // That a file is still listed is noted once a day.
    const age = sql.lit(ms + 2 * DAY_MS);
    const until = isDeleted
      ? sql<number>`${this.#now} - ${age}`
      : sql<number>`(SELECT looked_at - ${age} FROM feeds WHERE id = ${feedId})`;
    return this.#forget(
      this.db
        .selectFrom('feed_files')
        .select('file_key')
        .where('feed_id', '=', feedId)
        .where('seen_at', '<', until)
        .where('state', 'in', isDeleted ? ['PENDING', 'COMPLETED', 'FAILED'] : ['COMPLETED', 'FAILED'])
        .$if(!isDeleted, (query) =>
          query.where((or) => or.or([or('after_state', 'is', null), or('after_state', '!=', 'PENDING')])),
        )
        .limit(limit),
    );
  }

  /** How many rows there were. */
  async #forget(keys: SelectQueryBuilder<Tables, 'feed_files', { file_key: string }>): Promise<number> {
    const { numDeletedRows } = await this.db.deleteFrom('feed_files').where('file_key', 'in', keys).executeTakeFirst();
    return Number(numDeletedRows);
  }

  /** Whether anything is known of the feed's files. */
  async isEmpty(feedId: string): Promise<boolean> {
    const row = await this.db.selectFrom('feed_files').select('seq').where('feed_id', '=', feedId).limit(1).execute();
    return row.length === 0;
  }

  /** A PENDING file could not be taken, for a reason that may pass: it waits `afterMs`. */
  async postpone(
    { fileKey }: Pick<StoredFile, 'fileKey'>,
    { code, message }: FeedError,
    afterMs: number,
  ): Promise<void> {
    await this.db
      .updateTable('feed_files')
      .set((eb) => ({
        error_code: code,
        error_message: message,
        tries: eb('tries', '+', 1),
        run_after: sql<number>`${this.#now} + ${sql.lit(afterMs)}`,
        ...this.#updated,
      }))
      .where('file_key', '=', fileKey)
      .where('state', '=', 'PENDING')
      .execute();
  }

  /** Files IN_PROGRESS whose jobs have ended, those first that ended first. */
  async ended(feedId: string, limit: number): Promise<EndedJob[]> {
    const rows = await this.db
      .selectFrom('feed_files')
      .leftJoin('jobs', (join) => join.onRef('jobs.job_id', '=', 'feed_files.job_id').on('jobs.phase', 'is', null))
      .selectAll('feed_files')
      .select([
        'jobs.state as job_state',
        'jobs.error_code as job_error_code',
        'jobs.error_message as job_error_message',
      ])
      .where('feed_files.feed_id', '=', feedId)
      .where('feed_files.state', '=', 'IN_PROGRESS')
      .where((eb) => eb.or([eb('jobs.state', 'is', null), eb('jobs.state', 'in', ENDED)]))
      .orderBy('jobs.finished_at')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      file: fromRow(row),
      job:
        row.job_state === null
          ? null
          : { state: row.job_state as JobState, error: errorOf(row.job_error_code, row.job_error_message) },
    }));
  }

  /** Files end, those of the earlier attempts that were retried meanwhile aside. */
  async end(outcomes: readonly FileOutcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    await this.db.transaction().execute(async (transaction) => {
      for (const { file, error, isDisposed } of outcomes) {
        await transaction
          .updateTable('feed_files')
          .set({
            state: error === null ? 'COMPLETED' : 'FAILED',
            error_code: error?.code ?? null,
            error_message: error?.message ?? null,
            finished_at: isoTime(this.clock.now()),
            // Attempts to move or delete it are counted anew.
            ...(isDisposed ? { after_state: 'PENDING', after_due: this.#now, tries: 0 } : {}),
            ...this.#updated,
          })
          .where('file_key', '=', file.fileKey)
          .where('attempt', '=', file.attempt)
          .where('state', 'in', ['PENDING', 'IN_PROGRESS'])
          .execute();
      }
    });
  }

  /** Files of which something is to become, now. */
  async afterDue(feedId: string, limit: number): Promise<AfterFile[]> {
    const rows = await this.#waitingForAfter(feedId)
      .leftJoin('jobs', (join) => join.onRef('jobs.job_id', '=', 'feed_files.job_id').on('jobs.phase', 'is', null))
      .selectAll('feed_files')
      .select(['jobs.state as job_state', 'jobs.source as job_source', 'jobs.sinks as job_sinks'])
      .where('after_due', '<=', this.#now)
      .orderBy('after_due')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      file: fromRow(row),
      job:
        row.job_state === null
          ? null
          : {
              state: row.job_state as JobState,
              source: JSON.parse(row.job_source ?? 'null') as JobSource | null,
              sinks: JSON.parse(row.job_sinks ?? '[]') as { name: string; state: string }[],
            },
    }));
  }

  /** Time in ms until something is to become of the next file; null: of none. */
  async nextAfterMs(feedId: string): Promise<number | null> {
    const row = await this.#waitingForAfter(feedId)
      .select((eb) => eb(eb.fn.min('after_due'), '-', this.#now).as('ms'))
      .executeTakeFirst();
    return row?.ms ?? null;
  }

  /** What has become of a file. `message`: why it was kept. */
  async disposed({ fileKey }: StoredFile, state: 'MOVED' | 'DELETED' | 'KEPT', message: string | null): Promise<void> {
    await this.#setAfter(fileKey, { after_state: state, after_message: message });
  }

  /** A file can be moved or deleted in `afterMs` at the earliest. */
  async disposeLater({ fileKey, tries }: StoredFile, message: string, afterMs: number): Promise<void> {
    const due = sql<number>`${this.#now} + ${sql.lit(afterMs)}`;
    await this.#setAfter(fileKey, { after_message: message, after_due: due, tries: tries + 1 });
  }

  async #setAfter(fileKey: string, values: UpdateObject<Tables, 'feed_files'>): Promise<void> {
    await this.db
      .updateTable('feed_files')
      .set({ ...values, ...this.#updated })
      .where('file_key', '=', fileKey)
      .where('after_state', '=', 'PENDING')
      .execute();
  }

  #waitingForAfter(feedId: string) {
    return this.db.selectFrom('feed_files').where('feed_id', '=', feedId).where('after_state', '=', 'PENDING');
  }

  /** How many files of the feed are in each state. */
  async counts(feedId: string): Promise<Readonly<Record<FileState, number>>> {
    const rows = await this.db
      .selectFrom('feed_files')
      .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
      .where('feed_id', '=', feedId)
      .groupBy('state')
      .execute();
    const none = { PENDING: 0, IN_PROGRESS: 0, COMPLETED: 0, FAILED: 0 };
    return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) };
  }

  /** How many files of all feeds wait, are under way, or have failed, and how long ago the first of each was found. */
  async unfinished(): Promise<{ state: FileState; count: number; oldestSeconds: number }[]> {
    const rows = await this.db
      .selectFrom('feeds')
      // One state at a time is looked up in the index of them.
      .innerJoin('feed_files', (join) =>
        join.onRef('feed_id', '=', 'feeds.id').on('feed_files.state', 'in', ['PENDING', 'IN_PROGRESS', 'FAILED']),
      )
      .select((eb) => [
        'feed_files.state',
        eb.fn.countAll<number | string>().as('count'),
        eb.fn.min('feed_files.found_at').as('oldest'),
      ])
      .where('feeds.hidden', '=', 0)
      .groupBy('feed_files.state')
      .execute();
    return rows.map(({ state, count, oldest }) => ({
      state: state as FileState,
      count: Number(count),
      oldestSeconds: Math.max(0, this.clock.now() - Date.parse(oldest)) / 1000,
    }));
  }

  /** A page of the feed's files, those found last first. Throws INVALID_REQUEST for a foreign cursor. */
  async list(feedId: string, { state, limit, cursor }: FileFilter): Promise<Page<StoredFile>> {
    const rows = await this.db
      .selectFrom('feed_files')
      .selectAll()
      .where('feed_id', '=', feedId)
      .where('seq', '<', beforeSeq(cursor))
      .$if(state !== undefined, (query) => query.where('state', '=', state as FileState))
      .orderBy('seq', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(rows, limit, fromRow);
  }

  #inState(feedId: string, state: FileState) {
    return this.db.selectFrom('feed_files').where('feed_id', '=', feedId).where('state', '=', state);
  }

  get #now(): Expression<number> {
    return storeTime(this.db, this.clock.steady());
  }

  get #updated(): { updated_at: string } {
    return { updated_at: isoTime(this.clock.now()) };
  }
}

/** The file was not there any more when it was to be read, and has no job. */
function isUnread(eb: ExpressionBuilder<Tables, 'feed_files'>) {
  return eb.and([
    eb('feed_files.state', '=', 'FAILED'),
    eb('feed_files.job_id', 'is', null),
    eb('feed_files.error_code', 'is not', null),
    eb('feed_files.error_code', 'in', AWAY),
  ]);
}

function fromRow(row: Row): StoredFile {
  return {
    fileKey: row.file_key,
    feedId: row.feed_id,
    uri: row.uri,
    version: row.version,
    sizeBytes: row.size_bytes,
    modifiedAt: row.modified_at,
    state: row.state as FileState,
    tries: row.tries,
    attempt: row.attempt,
    jobId: row.job_id,
    error: errorOf(row.error_code, row.error_message),
    after: row.after_state as AfterState | null,
    afterMessage: row.after_message,
    foundAt: row.found_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}

function errorOf(code: string | null, message: string | null): FeedError | null {
  return code === null ? null : { code: code as ErrorCode, message: message ?? '' };
}
