import { type Database, storeTime } from '../database/index.js';

/** More than any lease or revision can have grown since the backup. */
const JUMP = 2 ** 20;
const UNFINISHED = ['PENDING', 'RUNNING', 'CANCELLING'] as const;

export interface Adjusted {
  jobs: number;
  /** Jobs that go on from what Kafka holds of them. */
  unfinished: number;
  /** API keys that are good again if they were revoked since. */
  keys: number;
  /** Ids of the feeds that were paused. */
  feeds: string[];
}

/**
 * Makes a database that was restored from a backup safe to work on, in one transaction. Since the backup, jobs may have
 * come, gone on and gone:
 *
 * - Leases, epochs and revisions grow beyond what may have been given out, so that who has an old one is refused, and
 *   readers of the topic of the jobs take every job for newer. All are published again.
 * - Unfinished jobs are asked of Kafka, whose checkpoint counts.
 * - What was being created is forgotten, with the topics that were made ahead: others may have them by now, and whoever
 *   cleans up would delete them. Files that came in, likewise.
 * - Feeds are paused: what they have taken since is not known.
 */
export async function adjustRestored(db: Database, now: number): Promise<Adjusted> {
  return db.transaction().execute(async (transaction) => {
    const time = storeTime(transaction, now);
    const creations = transaction.selectFrom('jobs').select('job_id').where('phase', 'in', ['CREATING', 'ABORTED']);
    for (const table of ['sink_loads', 'sink_rejects'] as const) {
      await transaction.deleteFrom(table).where('job_id', 'in', creations).execute();
    }
    await transaction.deleteFrom('jobs').where('phase', 'in', ['CREATING', 'ABORTED']).execute();
    for (const table of ['uploads', 'spare_topics', 'workers'] as const) await transaction.deleteFrom(table).execute();

    await transaction
      .updateTable('leases')
      .set((eb) => ({ epoch: eb('epoch', '+', JUMP), expires_at: 0 }))
      .execute();
    const { numUpdatedRows: jobs } = await transaction
      .updateTable('jobs')
      .set((eb) => ({
        lease: eb('lease', '+', JUMP),
        revision: eb('revision', '+', JUMP),
        lease_owner: null,
        lease_token: null,
        lease_until: null,
      }))
      .executeTakeFirstOrThrow();
    const { numUpdatedRows: unfinished } = await transaction
      .updateTable('jobs')
      .set({ checkpoint_verified: 0, crashes: 0, failures: 0, run_after: time })
      .where('state', 'in', UNFINISHED)
      .where('phase', 'is', null)
      .executeTakeFirstOrThrow();
    await transaction
      .updateTable('sink_loads')
      .set((eb) => ({ lease: eb('lease', '+', JUMP), lease_token: null, lease_until: null }))
      .execute();
    await transaction
      .updateTable('sink_loads')
      .set({ lease_owner: null, run_after: time })
      .where('lease_owner', 'is not', null)
      .execute();
    await transaction
      .updateTable('feeds')
      .set((eb) => ({ revision: eb('revision', '+', JUMP), lease_owner: null, lease_until: 0 }))
      .execute();
    const feeds = await transaction
      .updateTable('feeds')
      .set({ state: 'PAUSED' })
      .where('state', '=', 'ACTIVE')
      .where('hidden', '=', 0)
      .returning('id')
      .execute();
    const { keys } = await transaction
      .selectFrom('api_keys')
      .select((eb) => eb.fn.countAll<number>().as('keys'))
      .where('revoked_at', 'is', null)
      .executeTakeFirstOrThrow();
    return {
      keys: Number(keys),
      jobs: Number(jobs),
      unfinished: Number(unfinished),
      feeds: feeds.map(({ id }) => id).toSorted(),
    };
  });
}
