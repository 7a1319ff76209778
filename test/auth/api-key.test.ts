import fc from 'fast-check';
import { hashOfKey, idOfKey, newApiKey, prefixOfKey } from '../../src/auth/api-key.js';

describe('an API key', () => {
  it('is told from other texts by its form and its checksum', () => {
    const { id, key, hash } = newApiKey();
    expect(key).toMatch(/^batch_[a-z0-9]{8}_[0-9A-Za-z]{38}$/);
    expect(key.startsWith(`${prefixOfKey(id)}_`)).toBe(true);
    expect([idOfKey(key), hashOfKey(key)]).toEqual([id, hash]);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    for (const text of ['', 'batch_', key.slice(1), `${key}0`, ` ${key}`, `${key}\n`, key.toUpperCase()]) {
      expect([text, idOfKey(text)]).toEqual([text, null]);
    }
  });

  it('is not one with another character in any place', () => {
    const { key } = newApiKey();
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.constantFrom(...'0aA_-z9'), (place, other) => {
        const changed = key.slice(0, place) + other + key.slice(place + 1);
        expect(idOfKey(changed)).toBe(changed === key ? idOfKey(key) : null);
      }),
    );
  });

  it('is new each time', () => {
    const keys = Array.from({ length: 1000 }, newApiKey);
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1000);
    expect(new Set(keys.map(({ key }) => key.slice(15, 47))).size).toBe(1000);
  });

  it('has the checksum that the documentation shows', () => {
    expect(idOfKey('batch_k3f9x0ab_0000000000000000000000000Example1GNNhE')).toBe('k3f9x0ab');
  });
});
