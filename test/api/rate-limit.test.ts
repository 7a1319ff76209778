import { ApiKeys } from '../../src/auth/index.js';
import { RawClient, uploadHead } from './support/raw-client.js';
import { type Answer, call } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let server: TestApp;
afterEach(() => server.close());

const as = (key: string): { headers: { authorization: string } } => ({ headers: { authorization: `Bearer ${key}` } });
const newKey = async (name: string): Promise<string> =>
  (await server.app.get(ApiKeys).create({ name, scope: 'read', models: null }, null)).key;
const wrong = (key: string): string => `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`;

function limitsIn({ headers }: Answer): (string | null)[] {
  return ['limit', 'remaining', 'reset'].map((name) => headers.get(`ratelimit-${name}`));
}

const SECONDS = expect.stringMatching(/^(?:[1-9]|[1-5]\d|60)$/);

describe('a service without keys', () => {
  it('limits nobody unless it is told to', async () => {
    server = await startTestApp();
    expect(limitsIn(await call(server, '/jobs'))).toEqual([null, null, null]);
  });

  it('limits the requests of an address', async () => {
    server = await startTestApp({ RATE_LIMIT: '2' });
    expect(limitsIn(await call(server, '/jobs'))).toEqual(['2', '1', SECONDS]);
    // Wherever they go, and whoever they say to be.
    const other = await call(server, '/nope', { headers: { 'x-forwarded-for': '192.0.2.1' } });
    expect([other.status, ...limitsIn(other)]).toEqual([404, '2', '0', SECONDS]);
    for (const path of ['/jobs', '/docs', '/nope']) {
      const refused = await call(server, path, { headers: { 'x-forwarded-for': '192.0.2.2' } });
      expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(refused.body).toMatchObject({
        status: 429,
        error: 'RATE_LIMITED',
        message: 'A client may make 2 requests a minute (RATE_LIMIT)',
      });
      expect([refused.status, ...limitsIn(refused)]).toEqual([429, '2', '0', SECONDS]);
      expect(refused.headers.get('retry-after')).toBe(refused.headers.get('ratelimit-reset'));
    }
  });

  it('answers probes and Prometheus always', async () => {
    server = await startTestApp({ RATE_LIMIT: '1' });
    await call(server, '/jobs');
    for (const path of ['/healthz', '/metrics', '/metrics', '/readyz', '/readyz']) {
      const { status, headers } = await call(server, path);
      expect([path, status === 429, headers.has('ratelimit-limit')]).toEqual([path, false, false]);
    }
    expect((await call(server, '/jobs')).status).toBe(429);
  });

  it('refuses an upload before its body comes', async () => {
    server = await startTestApp({ RATE_LIMIT: '1' });
    await call(server, '/jobs');
    const client = await RawClient.connect(server.port);
    await client.send(uploadHead({ 'content-length': 1_000_000, expect: '100-continue' }));
    const { status, body } = await client.response();
    client.destroy();
    expect([status, JSON.parse(body).error]).toEqual([429, 'RATE_LIMITED']);
    expect(await server.spooled()).toEqual([]);
  });
});

describe('a service that asks for keys', () => {
  it('has a limit that no loader meets', async () => {
    server = await startTestApp({ AUTH: 'keys' });
    expect(limitsIn(await call(server, '/jobs', as(await newKey('loader'))))).toEqual(['12000', '11999', SECONDS]);
  });

  it('limits each key by itself, wherever it is used', async () => {
    server = await startTestApp({ AUTH: 'keys', RATE_LIMIT: '2' });
    const [one, two] = [await newKey('loader'), await newKey('loader')];
    expect((await call(server, '/jobs', as(one))).status).toBe(200);
    expect((await call(server, '/models', { method: 'POST', ...as(one) })).body.error).toBe('FORBIDDEN');
    expect((await call(server, '/jobs', as(one))).body.error).toBe('RATE_LIMITED');
    expect((await call(server, '/jobs', as(two))).status).toBe(200);
  });

  it('limits requests without a key by address', async () => {
    server = await startTestApp({ AUTH: 'keys', RATE_LIMIT: '2' });
    expect((await call(server, '/docs')).status).toBe(200);
    expect((await call(server, '/jobs')).body.error).toBe('UNAUTHENTICATED');
    for (const path of ['/jobs', '/docs']) expect((await call(server, path)).body.error).toBe('RATE_LIMITED');
    expect((await call(server, '/jobs', as(await newKey('loader')))).status).toBe(200);
  });

  it('limits guesses by address, wherever they go, but not keys that were good', async () => {
    server = await startTestApp({ AUTH: 'keys', RATE_LIMIT_WRONG_KEYS: '3' });
    const [known, fresh] = [await newKey('known'), await newKey('fresh')];
    expect((await call(server, '/jobs', as(known))).status).toBe(200);
    for (const path of ['/jobs', '/readyz', '/metrics']) {
      expect([path, (await call(server, path, as(wrong(known)))).status]).toEqual([path, 401]);
    }
    // The right one, too: whoever guesses must not find out.
    for (const key of [wrong(known), 'x', fresh]) {
      for (const path of ['/jobs', '/readyz', '/metrics', '/nope']) {
        const refused = await call(server, path, as(key));
        expect([path, refused.body.error, ...limitsIn(refused)]).toEqual([path, 'RATE_LIMITED', '3', '0', SECONDS]);
        expect(refused.headers.get('retry-after')).toEqual(SECONDS);
      }
    }
    expect((await call(server, '/jobs', as(known))).status).toBe(200);
    for (const path of ['/docs', '/healthz', '/readyz']) {
      expect([path, (await call(server, path)).status === 429]).toEqual([path, false]);
    }
  });

  it('limits nobody if told so', async () => {
    server = await startTestApp({ AUTH: 'keys', RATE_LIMIT: '0', RATE_LIMIT_WRONG_KEYS: '0' });
    for (let n = 0; n < 65; n++) expect((await call(server, '/jobs', as('x'))).status).toBe(401);
    expect(limitsIn(await call(server, '/jobs', as(await newKey('loader'))))).toEqual([null, null, null]);
  });
});
