import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresPool } from 'kysely';
import { ServiceError } from '../../errors/index.js';

/** The lease ends by itself so long after its last renewal. */
const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 500;
/** In the clock of the database, the only one that is compared. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
const NAME = 'service';

interface Lease {
  owner: string;
  expires_at: number;
}

/**
 * Keeps a database to one service, by a row that the service renews every 5 s. A service that was killed leaves it for
 * 15 s. There is no lock of a session, because behind a pooler that stays with a connection.
 */
export class DatabaseOwner {
  readonly #id = randomBytes(8).toString('hex');
  #timer: NodeJS.Timeout | undefined;
  #renewal: Promise<void> = Promise.resolve();

  /** `onLost`: another service has taken the database over, after this one had not renewed its lease for 15 s. */
  constructor(
    private readonly pool: PostgresPool,
    private readonly onLost: (error: Error) => void,
  ) {}

  /** Waits until the lease of a service that is gone has ended. Throws STORE_UNAVAILABLE if another one renews its lease meanwhile. */
  async acquire(): Promise<void> {
    let seen: Lease | undefined;
    while (!(await this.#take())) {
      const [lease] = await this.#query<Lease>(`SELECT owner, expires_at FROM leases WHERE name = '${NAME}'`);
      if (seen !== undefined && lease !== undefined && lease.expires_at > seen.expires_at) {
        throw new ServiceError('STORE_UNAVAILABLE', 'Another service uses the database: stop it first');
      }
      seen ??= lease;
      await sleep(LOOK_EVERY_MS);
    }
    this.#timer = setInterval(() => {
      this.#renewal = this.#renewal.then(() => this.#renew());
    }, RENEW_EVERY_MS).unref();
  }

  /** Ends the lease, so that another service need not wait. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
    await this.#query(`DELETE FROM leases WHERE name = '${NAME}' AND owner = $1`, [this.#id]);
  }

  async #take(): Promise<boolean> {
    const taken = await this.#query(
      `INSERT INTO leases (name, owner, expires_at) VALUES ('${NAME}', $1, ${NOW} + ${LEASE_MS})
       ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
       WHERE leases.expires_at < ${NOW}
       RETURNING name`,
      [this.#id],
    );
    return taken.length > 0;
  }

  /** Never rejects: while the database is away nobody can take it over, and the next renewal tells who has it. */
  async #renew(): Promise<void> {
    let renewed: unknown[];
    try {
      renewed = await this.#query(
        `UPDATE leases SET expires_at = ${NOW} + ${LEASE_MS} WHERE name = '${NAME}' AND owner = $1 RETURNING name`,
        [this.#id],
      );
    } catch {
      return;
    }
    if (renewed.length > 0) return;
    clearInterval(this.#timer);
    this.onLost(new Error('Another service has taken the database over'));
  }

  async #query<R>(sql: string, parameters: readonly unknown[] = []): Promise<R[]> {
    const client = await this.pool.connect();
    try {
      return (await client.query<R>(sql, parameters)).rows;
    } finally {
      client.release();
    }
  }
}
