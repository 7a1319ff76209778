import type { Database } from '../../database/index.js';
import type { Installation } from '../../kafka/index.js';

/** What the database knows of itself, and of the topic prefix that it has claimed. */
export class InstallationStore {
  constructor(private readonly db: Database) {}

  /** `topic`: the one whose prefix is to be claimed. */
  async get(topic: string): Promise<Installation> {
    const row = await this.db.selectFrom('installation').selectAll().executeTakeFirstOrThrow();
    return { id: row.id, claimOffset: row.claim_topic === topic ? row.claim_offset : null };
  }

  async setClaim(topic: string, offset: number): Promise<void> {
    await this.db.updateTable('installation').set({ claim_topic: topic, claim_offset: offset }).execute();
  }
}
