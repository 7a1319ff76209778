import { type Database, storeTime } from '../../database/index.js';
import type { AllowedSource } from '../../sources/index.js';
import type { Clock } from '../domain/clock.js';

/** A worker that says nothing for this time, by the store's clock, counts as gone. */
const PRESENT_MS = 30_000;

/** The processes that work on jobs, and the sources that they may read. */
export class WorkerStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** Says that `owner` works on jobs, for PRESENT_MS from now on; forgets those that are gone. */
  async present(owner: string, sources: readonly AllowedSource[]): Promise<void> {
    const now = storeTime(this.db, this.clock.steady());
    await this.db
      .insertInto('workers')
      .values((eb) => ({ owner, sources: JSON.stringify(sources), expires_at: eb(now, '+', PRESENT_MS) }))
      .onConflict((conflict) =>
        conflict.column('owner').doUpdateSet((eb) => ({
          sources: eb.ref('excluded.sources'),
          expires_at: eb.ref('excluded.expires_at'),
        })),
      )
      .execute();
    await this.db.deleteFrom('workers').where('expires_at', '<=', now).execute();
  }

  /** What the workers that are there may read, all together. */
  async sources(): Promise<AllowedSource[]> {
    const rows = await this.db
      .selectFrom('workers')
      .select('sources')
      .where('expires_at', '>', storeTime(this.db, this.clock.steady()))
      .execute();
    const distinct = new Set(rows.map(({ sources }) => sources));
    return [...distinct].flatMap((sources) => JSON.parse(sources) as AllowedSource[]);
  }
}
