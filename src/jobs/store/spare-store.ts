import { type Database, storeIsoTime } from '../../database/index.js';

/** Names the topics of a job to come. */
export interface Spare {
  jobId: string;
  topicPrefix: string;
}

const ORPHAN_AFTER_MS = 3_600_000;

/** The pairs of topics that are made before there is a job for them. A write is durable when its promise resolves. */
export class SpareStore {
  /**
   * `topicPrefix`: of new ones. `owner`: this start of the process, to which they belong. `isAlone`: other owners are dead;
   * otherwise those that are an hour old, by the store's clock, are taken for theirs.
   */
  constructor(
    private readonly db: Database,
    private readonly ours: { topicPrefix: string; owner: string; isAlone: boolean },
  ) {}

  /** How topics of this owner are named. */
  own(jobId: string): Spare {
    return { jobId, topicPrefix: this.ours.topicPrefix };
  }

  /** Before the topics are made. undefined: a job or another spare has this id. */
  async add(jobId: string, now: number): Promise<Spare | undefined> {
    const { topicPrefix, owner } = this.ours;
    const row = await this.db
      .insertInto('spare_topics')
      .columns(['job_id', 'topic_prefix', 'owner', 'created_at'])
      .expression(
        this.db
          .selectNoFrom((eb) => [
            eb.val(jobId).as('job_id'),
            eb.val(topicPrefix).as('topic_prefix'),
            eb.val(owner).as('owner'),
            storeIsoTime(this.db, now).as('created_at'),
          ])
          .where((eb) => eb.not(eb.exists(eb.selectFrom('jobs').select('seq').where('job_id', '=', jobId)))),
      )
      .onConflict((conflict) => conflict.doNothing())
      .returning('job_id')
      .executeTakeFirst();
    return row === undefined ? undefined : this.own(jobId);
  }

  /** How many there are, whoever owns them. */
  async count(): Promise<number> {
    const { count } = await this.db
      .selectFrom('spare_topics')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return count;
  }

  /** Takes over those of processes that are gone: if one of them lives, it does not get a job for them any more. */
  async adoptOrphans(now: number): Promise<Spare[]> {
    const { owner, isAlone } = this.ours;
    const rows = await this.db
      .updateTable('spare_topics')
      .set({ owner })
      .where('owner', '!=', owner)
      .$if(!isAlone, (query) => query.where('created_at', '<', storeIsoTime(this.db, now, ORPHAN_AFTER_MS)))
      .returning(['job_id', 'topic_prefix'])
      .execute();
    return rows.map((row) => ({ jobId: row.job_id, topicPrefix: row.topic_prefix }));
  }

  /** When the topics are gone. */
  async delete(jobId: string): Promise<void> {
    await this.db.deleteFrom('spare_topics').where('job_id', '=', jobId).execute();
  }
}
