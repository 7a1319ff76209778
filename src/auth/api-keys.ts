import type { Page } from '../database/index.js';
import { ServiceError } from '../errors/index.js';
import { newApiKey, prefixOfKey } from './api-key.js';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.js';
import { parseKeySettings } from './key-settings.js';

/** A key as the API shows it (openapi: Key). */
export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  scope: string;
  models: readonly string[] | null;
  created_at: string;
  created_by: string | null;
  expires_at: string | null;
  revoked_at: string | null;
}

/** What administrators do with keys. */
export class ApiKeys {
  constructor(
    private readonly store: ApiKeyStore,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * A new key. `key` is told this once. `given`: see `parseKeySettings`; `createdBy`: the name of the key that it is asked for with, null: on
   * the server itself. Throws INVALID_REQUEST.
   */
  async create(given: unknown, createdBy: string | null): Promise<ApiKey & { key: string }> {
    const settings = parseKeySettings(given, this.now());
    const { key, ...stored } = newApiKey();
    return { ...toApiKey(await this.store.create(stored, { ...settings, createdBy })), key };
  }

  async list(page: { limit: number; cursor?: string | undefined }): Promise<Page<ApiKey>> {
    const { items, nextCursor } = await this.store.list(page);
    return { items: items.map(toApiKey), nextCursor };
  }

  /** Throws KEY_NOT_FOUND. */
  async get(id: string): Promise<ApiKey> {
    const record = await this.store.findUsable(id);
    if (record === undefined) throw notFound(id);
    return toApiKey(record);
  }

  /** From now on no request can be made with the key. Throws KEY_NOT_FOUND. */
  async revoke(id: string): Promise<ApiKey> {
    const record = await this.store.revoke(id);
    if (record === undefined) throw notFound(id);
    return toApiKey(record);
  }
}

function toApiKey(record: ApiKeyRecord): ApiKey {
  return {
    id: record.id,
    name: record.name,
    prefix: prefixOfKey(record.id),
    scope: record.scope,
    models: record.models,
    created_at: record.createdAt,
    created_by: record.createdBy,
    expires_at: record.expiresAt,
    revoked_at: record.revokedAt,
  };
}

function notFound(id: string): ServiceError {
  return new ServiceError('KEY_NOT_FOUND', `There is no key '${id.slice(0, 32)}'`);
}
