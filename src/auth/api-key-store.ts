import { type Selectable } from 'kysely';
import { beforeSeq, type Database, nextSeq, type Page, type Tables, toPage } from '../database/index.js';
import type { Scope } from './access.js';
import type { NewApiKey } from './api-key.js';

/** What is known of a key; never the key itself. Times are ISO 8601 in UTC. */
export interface ApiKeyRecord {
  readonly id: string;
  /** Who uses it. Keys of one name follow one another: jobs belong to the name. */
  readonly name: string;
  /** SHA-256 in hex. */
  readonly hash: string;
  readonly scope: Scope;
  /** null: all. */
  readonly models: readonly string[] | null;
  readonly createdAt: string;
  /** The name of the key that it was created with; null: on the server itself. */
  readonly createdBy: string | null;
  /** null: never. */
  readonly expiresAt: string | null;
  /** null: it has not been revoked. */
  readonly revokedAt: string | null;
}

export type ApiKeySettings = Pick<ApiKeyRecord, 'name' | 'scope' | 'models' | 'expiresAt' | 'createdBy'>;

/** How long a key that cannot be used any more is listed. */
const KEPT_MS = 90 * 86_400_000;

/** The API keys in the database. */
export class ApiKeyStore {
  constructor(
    private readonly db: Database,
    private readonly now: () => number = Date.now,
  ) {}

  /** Stores a new key. Those that expired or were revoked more than 90 days ago are forgotten. */
  async create({ id, hash }: Omit<NewApiKey, 'key'>, settings: ApiKeySettings): Promise<ApiKeyRecord> {
    const { name, scope, models, expiresAt, createdBy } = settings;
    const long = new Date(this.now() - KEPT_MS).toISOString();
    await this.db
      .deleteFrom('api_keys')
      .where((eb) => eb.or([eb('revoked_at', '<', long), eb('expires_at', '<', long)]))
      .execute();
    const row = await this.db
      .insertInto('api_keys')
      .values({
        id,
        seq: nextSeq(this.db, 'api_keys'),
        name,
        hash,
        scope,
        models: models === null ? null : JSON.stringify(models),
        created_at: this.#timestamp(),
        created_by: createdBy,
        expires_at: expiresAt,
        revoked_at: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return fromRow(row);
  }

  /** A key that can be used now; undefined: there is none of this id, or it has expired or was revoked. */
  async findUsable(id: string): Promise<ApiKeyRecord | undefined> {
    const row = await this.db
      .selectFrom('api_keys')
      .selectAll()
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', this.#timestamp())]))
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** A page of the keys, newest first. Throws INVALID_REQUEST for a foreign cursor. */
  async list({ limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<Page<ApiKeyRecord>> {
    const rows = await this.db
      .selectFrom('api_keys')
      .selectAll()
      .where('seq', '<', beforeSeq(cursor))
      .orderBy('seq', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(rows, limit, fromRow);
  }

  /** The key as it is then; one that was revoked before stays as it was. undefined: there is no such key. */
  async revoke(id: string): Promise<ApiKeyRecord | undefined> {
    const row = await this.db
      .updateTable('api_keys')
      .set((eb) => ({ revoked_at: eb.fn.coalesce('revoked_at', eb.val(this.#timestamp())) }))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** Whether there is a key, of whatever use. */
  async hasAny(): Promise<boolean> {
    return (await this.db.selectFrom('api_keys').select('id').limit(1).executeTakeFirst()) !== undefined;
  }

  #timestamp(): string {
    return new Date(this.now()).toISOString();
  }
}

function fromRow(row: Selectable<Tables['api_keys']>): ApiKeyRecord {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    scope: row.scope as Scope,
    models: row.models === null ? null : (JSON.parse(row.models) as string[]),
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}
