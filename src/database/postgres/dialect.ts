import { PostgresAdapter, PostgresDialect } from 'kysely';

/**
 * Kysely's own, but that its migrator takes no lock: that one is of a session, and a pooler in transaction mode lends the
 * session to others, who have the lock then, too. `migrate` takes one of its transaction.
 */
export class UnlockedPostgresDialect extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new UnlockedAdapter();
  }
}

class UnlockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}

  override async releaseMigrationLock(): Promise<void> {}
}
