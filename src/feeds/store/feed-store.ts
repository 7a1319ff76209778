import { type Expression, type Selectable, sql } from 'kysely';
import { beforeSeq, type Database, nextSeq, type Page, storeTime, type Tables, toPage } from '../../database/index.js';
import { type ErrorCode, ServiceError } from '../../errors/index.js';
import { type Clock, isoTime } from '../../jobs/index.js';
import type { FeedDefinition, FeedError, FeedState, StoredFeed } from '../domain/feed.js';

/** Whoever works on a feed says so at least this often, in ms by the store's clock, or another process takes it. */
export const FEED_LEASE_MS = 30_000;

/** A feed that this process works on. */
export interface HeldFeed extends StoredFeed {
  /** Time in ms until the next listing begins, or goes on; negative: it is due. */
  readonly untilLookMs: number;
}

/** Time in ms from one listing to the next, if notifications come faster. */
const LOOK_GAP_MS = 2_000;

/** What a round of work on a feed leaves behind. */
export interface FeedChanges {
  state?: FeedState;
  failures?: number;
  error?: FeedError | null;
  listedTo?: string | null;
  /** A whole listing has ended now. */
  looked?: true;
  /** In ms from now. */
  nextLookMs?: number;
  /** With `nextLookMs`: sooner, if users have asked for something since that revision; null: it is not known which that was. */
  since?: number | null;
}

/** The feeds in the database. A write is durable when its promise resolves. */
export class FeedStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** How many feeds are in each state. */
  async counts(): Promise<{ state: FeedState; count: number }[]> {
    const rows = await this.db
      .selectFrom('feeds')
      .select((eb) => ['state', eb.fn.countAll<number | string>().as('count')])
      .where('hidden', '=', 0)
      .groupBy('state')
      .execute();
    return rows.map(({ state, count }) => ({ state: state as FeedState, count: Number(count) }));
  }

  /**
   * A new feed, which looks at once. One of the id of a deleted feed goes on with its history: what was taken is not taken
   * again. Whoever still works on the deleted one does not any more. Throws FEED_ALREADY_EXISTS.
   */
  async create(id: string, definition: FeedDefinition, secretHash: string | null = null): Promise<StoredFeed> {
    return this.db.transaction().execute(async (transaction) => {
      const at = isoTime(this.clock.now());
      const row = {
        hidden: 0,
        definition: JSON.stringify(definition),
        state: 'ACTIVE',
        failures: 0,
        error_code: null,
        error_message: null,
        listed_to: null,
        looked_at: null,
        next_look_at: this.#now,
        run_after: this.#now,
        lease_owner: null,
        lease_until: 0,
        secret_hash: secretHash,
        created_at: at,
        updated_at: at,
      };
      const written = await transaction
        .insertInto('feeds')
        .values({ id, seq: nextSeq(transaction, 'feeds'), revision: 1, ...row })
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet((eb) => ({ ...row, seq: eb.ref('excluded.seq'), revision: eb('feeds.revision', '+', 1) }))
            .where('feeds.hidden', '=', 1),
        )
        .returningAll()
        .executeTakeFirst();
      if (written === undefined) throw new ServiceError('FEED_ALREADY_EXISTS', `There is a feed '${id}' already`);
      // What the deleted one had found and not taken is found again, if it is there.
      await transaction
        .deleteFrom('feed_files')
        .where('feed_id', '=', id)
        .where('state', '=', 'PENDING')
        .where('job_id', 'is', null)
        .execute();
      return fromRow(written);
    });
  }

  /** undefined: there is no such feed. */
  async get(id: string): Promise<StoredFeed | undefined> {
    const row = await this.db
      .selectFrom('feeds')
      .selectAll()
      .where('id', '=', id)
      .where('hidden', '=', 0)
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** A page of feeds, newest first. Throws INVALID_REQUEST for a foreign cursor. */
  async list({ limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<Page<StoredFeed>> {
    const rows = await this.db
      .selectFrom('feeds')
      .selectAll()
      .where('hidden', '=', 0)
      .where('seq', '<', beforeSeq(cursor))
      .orderBy('seq', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(rows, limit, fromRow);
  }

  /** Hides the feed; its history stays. false: there is no such feed. */
  async delete(id: string): Promise<boolean> {
    const { numUpdatedRows } = await this.db
      .updateTable('feeds')
      .set((eb) => ({ hidden: 1, revision: eb('revision', '+', 1), run_after: this.#now, updated_at: this.#iso }))
      .where('id', '=', id)
      .where('hidden', '=', 0)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Pauses a feed, or has it go on, with a listing at once. undefined: there is no such feed. */
  async setState(id: string, state: FeedState): Promise<StoredFeed | undefined> {
    const isActive = state === 'ACTIVE';
    const row = await this.#asked(id)
      .set({ state, error_code: null, error_message: null, updated_at: this.#iso })
      .$if(isActive, (query) => query.set({ failures: 0, next_look_at: this.#now }))
      .returningAll()
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** Something of the feed has changed, which its work does not know of. false: there is no such feed. */
  async wake(id: string): Promise<boolean> {
    return (await this.#asked(id).executeTakeFirst()).numUpdatedRows > 0n;
  }

  /** There may be new files: lists them at once, but not more often than every LOOK_GAP_MS. false: there is no such feed. */
  async hurry(id: string): Promise<boolean> {
    const soonest = sql<number>`coalesce(looked_at, 0) + ${sql.lit(LOOK_GAP_MS)}`;
    const now = sql<number>`CASE WHEN ${soonest} > ${this.#now} THEN ${soonest} ELSE ${this.#now} END`;
    const { numUpdatedRows } = await this.#asked(id)
      .set({ next_look_at: sql<number>`CASE WHEN next_look_at < ${now} THEN next_look_at ELSE ${now} END` })
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Feeds of local folders that are not paused, oldest first: their ids and URIs. */
  async local(limit: number): Promise<{ id: string; uri: string }[]> {
    const rows = await this.db
      .selectFrom('feeds')
      .select(['id', 'definition'])
      .where('hidden', '=', 0)
      .where('state', '=', 'ACTIVE')
      // As JSON.stringify writes it; a metadata value that looks like it does no harm.
      .where('definition', 'like', '%"uri":"file:%')
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map(({ id, definition }) => ({ id, uri: (JSON.parse(definition) as FeedDefinition).uri }));
  }

  /** Forgets a deleted feed that `owner` works on. */
  async forget(id: string, owner: string): Promise<void> {
    await this.db
      .deleteFrom('feeds')
      .where('id', '=', id)
      .where('hidden', '=', 1)
      .where('lease_owner', '=', owner)
      .execute();
  }

  /**
   * Whoever worked on a feed is gone. Only for a process that has the store to itself, once, before it claims. All feeds are due: the
   * clock that said when may have been set back since.
   */
  async releaseAll(): Promise<void> {
    await this.db
      .updateTable('feeds')
      .set({ lease_owner: null, lease_until: 0, run_after: this.#now, next_look_at: this.#now })
      .execute();
  }

  /**
   * A feed that is due, and that nobody works on, for `owner` and FEED_LEASE_MS; `except`: those that it has already. The
   * ones that wait longest come first. undefined: none is.
   */
  async claim(owner: string, except: readonly string[]): Promise<HeldFeed | undefined> {
    const row = await this.db
      .updateTable('feeds')
      .set({ lease_owner: owner, lease_until: this.#leaseEnd })
      .where('id', '=', (eb) =>
        eb
          .selectFrom('feeds')
          .select('id')
          .where('run_after', '<=', this.#now)
          .where((or) => or.or([or('lease_until', '<=', this.#now), or('lease_owner', '=', owner)]))
          .$if(except.length > 0, (query) => query.where('id', 'not in', except))
          .orderBy('run_after')
          .limit(1),
      )
      // Another process may have been faster.
      .where((eb) => eb.or([eb('lease_until', '<=', this.#now), eb('lease_owner', '=', owner)]))
      .returningAll()
      .returning(this.#untilLook)
      .executeTakeFirst();
    return row && heldFrom(row);
  }

  /** A feed that `owner` works on, as it is now. undefined: another process does, or will. */
  async look(id: string, owner: string): Promise<HeldFeed | undefined> {
    const row = await this.db
      .selectFrom('feeds')
      .selectAll()
      .select(this.#untilLook)
      .where('id', '=', id)
      .where('lease_owner', '=', owner)
      .executeTakeFirst();
    return row && heldFrom(row);
  }

  /** Goes on working on a feed, which may be changed meanwhile. undefined: another process does, or will. */
  async renew(id: string, owner: string, changes: FeedChanges = {}): Promise<HeldFeed | undefined> {
    const row = await this.#held(id, owner)
      .set({ ...this.#columns(changes), lease_until: this.#leaseEnd })
      .returningAll()
      .returning(this.#untilLook)
      .executeTakeFirst();
    return row && heldFrom(row);
  }

  /**
   * Ends the work on a feed. `afterMs`: when it is to be worked on again, in ms from now; null: when its users ask for
   * something. If they have done so since `revision`, it is at once.
   */
  async release(id: string, owner: string, revision: number, afterMs: number | null): Promise<void> {
    const next = afterMs === null ? sql<null>`NULL` : sql<number>`${this.#now} + ${sql.lit(Math.ceil(afterMs))}`;
    await this.#held(id, owner)
      .set({
        lease_owner: null,
        lease_until: 0,
        run_after: sql<number | null>`CASE WHEN revision = ${revision} THEN ${next} ELSE ${this.#now} END`,
      })
      .execute();
  }

  #asked(id: string) {
    return this.db
      .updateTable('feeds')
      .set((eb) => ({ revision: eb('revision', '+', 1), run_after: this.#now }))
      .where('id', '=', id)
      .where('hidden', '=', 0);
  }

  #held(id: string, owner: string) {
    return this.db.updateTable('feeds').where('id', '=', id).where('lease_owner', '=', owner);
  }

  #columns({ state, failures, error, listedTo, looked, nextLookMs, since }: FeedChanges) {
    return {
      ...(state === undefined ? {} : { state, updated_at: this.#iso }),
      ...(failures === undefined ? {} : { failures }),
      ...(error === undefined ? {} : { error_code: error?.code ?? null, error_message: error?.message ?? null }),
      ...(listedTo === undefined ? {} : { listed_to: listedTo }),
      ...(looked === undefined ? {} : { looked_at: this.#now }),
      ...(nextLookMs === undefined
        ? {}
        : { next_look_at: sql<number>`${this.#now} + ${this.#delay(nextLookMs, since)}` }),
    };
  }

  #delay(ms: number, since: number | null | undefined) {
    const [late, soon] = [Math.ceil(ms), Math.ceil(Math.min(ms, LOOK_GAP_MS))];
    if (since === undefined) return sql.lit(late);
    return sql<number>`CASE WHEN revision = ${since ?? -1} THEN ${sql.lit(late)} ELSE ${sql.lit(soon)} END`;
  }

  get #now(): Expression<number> {
    return storeTime(this.db, this.clock.steady());
  }

  get #untilLook() {
    return sql<number>`next_look_at - ${this.#now}`.as('until_look');
  }

  get #leaseEnd(): Expression<number> {
    return sql<number>`${this.#now} + ${sql.lit(FEED_LEASE_MS)}`;
  }

  get #iso(): string {
    return isoTime(this.clock.now());
  }
}

function heldFrom(row: Selectable<Tables['feeds']> & { until_look: number }): HeldFeed {
  return { ...fromRow(row), untilLookMs: row.until_look };
}

function fromRow(row: Selectable<Tables['feeds']>): StoredFeed {
  return {
    id: row.id,
    hidden: row.hidden === 1,
    definition: JSON.parse(row.definition) as FeedDefinition,
    state: row.state as FeedState,
    failures: row.failures,
    error: row.error_code === null ? null : { code: row.error_code as ErrorCode, message: row.error_message ?? '' },
    listedTo: row.listed_to,
    lookedAt: row.looked_at,
    nextLookAt: row.next_look_at,
    revision: row.revision,
    secretHash: row.secret_hash,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
