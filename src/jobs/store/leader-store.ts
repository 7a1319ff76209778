import { type Database, storeTime } from '../../database/index.js';
import type { Clock } from '../domain/clock.js';

/** A leader that says nothing for this time, by the store's clock, is replaced. */
export const LEADER_LEASE_MS = 15_000;

/** Who leads the processes on one store: a row that the leader renews. */
export class LeaderStore {
  constructor(
    private readonly db: Database,
    private readonly name: string,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes `owner` the leader, or lets it go on, until LEADER_LEASE_MS from now. Gives the epoch, which grows whenever another
   * owner becomes the leader; undefined: another one is.
   */
  async acquire(owner: string): Promise<number | undefined> {
    const now = storeTime(this.db, this.clock.steady());
    const row = await this.db
      .insertInto('leases')
      .values((eb) => ({ name: this.name, owner, expires_at: eb(now, '+', LEADER_LEASE_MS), epoch: 1 }))
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((eb) => ({
            owner,
            expires_at: eb.ref('excluded.expires_at'),
            epoch: eb
              .case()
              .when('leases.owner', '=', owner)
              .then(eb.ref('leases.epoch'))
              .else(eb('leases.epoch', '+', 1))
              .end(),
          }))
          .where((eb) => eb.or([eb('leases.owner', '=', owner), eb('leases.expires_at', '<=', now)])),
      )
      .returning('epoch')
      .executeTakeFirst();
    return row?.epoch;
  }

  /** Another process may lead at once, unless one does already. */
  async release(owner: string): Promise<void> {
    await this.db
      .updateTable('leases')
      .set({ expires_at: 0 })
      .where('name', '=', this.name)
      .where('owner', '=', owner)
      .execute();
  }
}
