import { newApiKey } from '../../src/auth/api-key.js';
import type { ApiKeyRecord } from '../../src/auth/api-key-store.js';
import { Authenticator } from '../../src/auth/authenticator.js';
import { ServiceError } from '../../src/errors/index.js';

const { id, key, hash } = newApiKey();
const away = new ServiceError('STORE_UNAVAILABLE', 'away');

describe('a request with an API key', () => {
  let stored: ApiKeyRecord | undefined;
  let failure: Error | null;
  let asked: number;
  let now: number;
  let authenticator: Authenticator;

  beforeEach(() => {
    stored = {
      ...{ id, hash, name: 'loader', scope: 'write', models: ['orders'] },
      ...{ createdAt: '', createdBy: null, expiresAt: null, revokedAt: null },
    };
    [failure, asked, now] = [null, 0, 0];
    const findUsable = async (wanted: string): Promise<ApiKeyRecord | undefined> => {
      asked += 1;
      if (failure !== null) throw failure;
      return wanted === id ? stored : undefined;
    };
    authenticator = new Authenticator({ findUsable }, () => now);
  });

  const refusal = expect.objectContaining({ code: 'UNAUTHENTICATED' });
  const authenticate = (text = key): Promise<unknown> => authenticator.authenticate(`Bearer ${text}`);

  it('is its owner’s, in whatever case the scheme is', async () => {
    for (const header of [`Bearer ${key}`, `bearer ${key}`, `BEARER  ${key} `]) {
      expect(await authenticator.authenticate(header)).toMatchObject({
        key: { id, name: 'loader' },
        scope: 'write',
        models: ['orders'],
      });
    }
  });

  it('is refused without a key, without asking the database', async () => {
    const others = ['', key, `Basic ${key}`, `Bearer ${key} x`, 'Bearer ', `Bearer ${key.slice(0, -1)}x`];
    for (const header of others) await expect(authenticator.authenticate(header)).rejects.toEqual(refusal);
    expect(asked).toBe(0);
  });

  it('is refused with the id of another key, by its hash', async () => {
    stored = { ...(stored as ApiKeyRecord), hash: newApiKey().hash };
    await expect(authenticate()).rejects.toEqual(refusal);
    stored = undefined;
    await expect(authenticate()).rejects.toEqual(refusal);
  });

  it('is refused as soon as the key is revoked', async () => {
    await authenticate();
    stored = undefined;
    await expect(authenticate()).rejects.toEqual(refusal);
    failure = away;
    await expect(authenticate()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('passes for five minutes after the last answer of the database', async () => {
    failure = away;
    await expect(authenticate()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    failure = null;
    await authenticate();
    failure = away;
    now = 300_000;
    await authenticate();
    now += 1;
    await expect(authenticate()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('does not pass if the database answers with an error', async () => {
    await authenticate();
    failure = new Error('no such table');
    await expect(authenticate()).rejects.toThrow('no such table');
  });

  it('does not pass then once the key has expired', async () => {
    stored = { ...(stored as ApiKeyRecord), expiresAt: new Date(0).toISOString() };
    await authenticate(); // the store says whether it can be used
    failure = away;
    await expect(authenticate()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
