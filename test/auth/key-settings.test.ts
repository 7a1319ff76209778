import { parseKeySettings } from '../../src/auth/key-settings.js';

const NOW = Date.parse('2026-01-01T00:00:00.000Z');

describe('what a key is created with', () => {
  it('is its name and scope, and what it is kept to', () => {
    expect(parseKeySettings({ name: 'a', scope: 'read' }, NOW)).toEqual({
      ...{ name: 'a', scope: 'read', models: null, expiresAt: null },
    });
    const given = {
      name: 'CI@example.com',
      scope: 'write',
      models: ['orders'],
      expires_at: '2026-01-01T01:00:01+01:00',
    };
    expect(parseKeySettings(given, NOW)).toEqual({
      ...{ name: 'CI@example.com', scope: 'write', models: ['orders'], expiresAt: '2026-01-01T00:00:01.000Z' },
    });
  });

  it.each([
    [null, 'object'],
    [[], 'object'],
    [{ scope: 'read' }, 'name'],
    [{ name: 'a\tb', scope: 'read' }, 'name'],
    [{ name: 'a'.repeat(64), scope: 'read' }, 'name'],
    [{ name: 'a' }, 'scope'],
    [{ name: 'a', scope: 'root' }, 'scope'],
    [{ name: 'a', scope: ['admin'] }, 'scope'],
    [{ name: 'a', scope: 'read', hash: 'x' }, 'no hash'],
    [{ name: 'a', scope: 'read', models: [] }, 'models'],
    [{ name: 'a', scope: 'read', models: 'orders' }, 'models'],
    [{ name: 'a', scope: 'read', models: ['a', 'a'] }, 'models'],
    [{ name: 'a', scope: 'read', models: ['*'] }, 'models'],
    [{ name: 'a', scope: 'read', models: Array.from({ length: 101 }, (_, i) => `m${i}`) }, 'models'],
    [{ name: 'a', scope: 'admin', models: ['orders'] }, 'admin is for all'],
    [{ name: 'a', scope: 'read', expires_at: '2026' }, 'expires_at'],
    [{ name: 'a', scope: 'read', expires_at: '2026-13-01T00:00:00Z' }, 'expires_at'],
    [{ name: 'a', scope: 'read', expires_at: '2026-01-01T00:00:00Z' }, 'passed'],
  ])('is refused if it is %j', (given, words) => {
    const refusal = expect.objectContaining({ code: 'INVALID_REQUEST', message: expect.stringContaining(words) });
    expect(() => parseKeySettings(given, NOW)).toThrow(refusal);
  });
});
