import { timingSafeEqual } from 'node:crypto';
import { ServiceError } from '../errors/index.js';
import { Access } from './access.js';
import { hashOfKey, idOfKey } from './api-key.js';
import type { ApiKeyRecord, ApiKeyStore } from './api-key-store.js';

/** How long a key that was good counts as good while the database does not answer. */
const REMEMBERED_MS = 300_000;
const MAX_REMEMBERED = 1_000;

/**
 * Finds out whose key a request has. Each request asks the database, so that a key that is revoked by any process is refused by all from
 * then on. Only while the database does not answer, keys that were good within five minutes still are: nothing can be read or
 * changed then, but /metrics tells what is wrong.
 */
export class Authenticator {
  /** By key's hash, the last used ones last. */
  readonly #remembered = new Map<string, { record: ApiKeyRecord; at: number }>();

  constructor(
    private readonly keys: Pick<ApiKeyStore, 'findUsable'>,
    /** A clock that never goes back, in ms. */
    private readonly monotonic: () => number = () => performance.now(),
  ) {}

  /** `authorization`: the header. Throws UNAUTHENTICATED without a good key; STORE_UNAVAILABLE. */
  async authenticate(authorization: string): Promise<Access> {
    const key = keyIn(authorization);
    const id = idOfKey(key);
    if (id === null) throw unauthenticated('The Authorization header has no API key of this service');
    const hash = hashOfKey(key);
    const record = await this.#find(id, hash);
    if (record === undefined || !timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(record.hash, 'hex'))) {
      throw unauthenticated('The API key is unknown, has expired or was revoked');
    }
    return new Access({ id: record.id, name: record.name }, record.scope, record.models);
  }

  /** Whether the header has a key that was good within five minutes. */
  wasGood(authorization: string): boolean {
    const key = keyIn(authorization);
    return idOfKey(key) !== null && this.#recall(hashOfKey(key)) !== undefined;
  }

  async #find(id: string, hash: string): Promise<ApiKeyRecord | undefined> {
    let record: ApiKeyRecord | undefined;
    try {
      record = await this.keys.findUsable(id);
    } catch (error) {
      const isAway = error instanceof ServiceError && error.code === 'STORE_UNAVAILABLE';
      const known = isAway ? this.#recall(hash) : undefined;
      if (known === undefined) throw error;
      return known;
    }
    this.#remembered.delete(hash);
    if (record?.hash === hash) {
      this.#remembered.set(hash, { record, at: this.monotonic() });
      const [oldest] = this.#remembered.keys();
      if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    }
    return record;
  }

  #recall(hash: string): ApiKeyRecord | undefined {
    const known = this.#remembered.get(hash);
    if (known === undefined || this.monotonic() - known.at > REMEMBERED_MS) return undefined;
    const { expiresAt } = known.record;
    return expiresAt !== null && expiresAt <= new Date().toISOString() ? undefined : known.record;
  }
}

function keyIn(authorization: string): string {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
}

function unauthenticated(message: string): ServiceError {
  return new ServiceError('UNAUTHENTICATED', message);
}
