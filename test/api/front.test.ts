import { loadContract } from '../../src/api/index.js';
import { catalogue } from '../../src/errors/index.js';
import { RawClient } from './support/raw-client.js';
import { call } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

describe('the HTTP front', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await startTestApp({ ALLOWED_HOSTS: 'batch.example' });
  });
  afterAll(() => server.close());

  /** fetch sets Host, Origin and Sec-Fetch-* itself. */
  async function raw(path: string, headers: Record<string, string>, method = 'GET'): Promise<[number, string]> {
    const client = await RawClient.connect(server.port);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    await client.send(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    const { status, body } = await client.response();
    client.destroy();
    return [status, body.startsWith('{') ? (JSON.parse(body).error ?? '') : ''];
  }

  it('serves exactly the routes of the contract, and the pages about it', () => {
    const contract = Object.entries(loadContract().paths).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((method) => ['get', 'put', 'post', 'delete', 'patch'].includes(method))
        .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    const served = server.routes
      .list()
      .filter((route) => !/^GET (\/((docs|help)(\/.*)?)?|\/openapi\.json)$/.test(route));
    expect([...new Set(served)].sort()).toEqual(contract.sort());
  });

  it('gives every answer a request id, the client’s own where it is harmless', async () => {
    const { headers, body } = await call(server, '/nope', { headers: { 'x-request-id': 'trace-1' } });
    expect([headers.get('x-request-id'), body.request_id]).toEqual(['trace-1', 'trace-1']);
    const other = await call(server, '/healthz', { headers: { 'x-request-id': 'a b' } });
    expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['GET', '/nope', 404, 'NOT_FOUND'],
    ['GET', '/jobs/', 404, 'NOT_FOUND'],
    ['GET', '/docs/nope.js', 404, 'NOT_FOUND'],
    ['PATCH', '/jobs', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/models', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/jobs/a1b2c3d4/resume', 405, 'METHOD_NOT_ALLOWED'],
    ['OPTIONS', '/jobs', 405, 'METHOD_NOT_ALLOWED'],
    ['QUERY', '/jobs', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/jobs/%zz', 400, 'INVALID_REQUEST'],
  ])('answers %s %s with the problem %i %s', async (method, path, status, code) => {
    const { body, headers } = await call(server, path, { method });
    expect(body).toMatchObject({
      type: `/docs/errors#${code}`,
      title: expect.any(String),
      status,
      error: code,
      instance: path,
      detail: expect.any(String),
      hint: expect.any(String),
      request_id: expect.any(String),
    });
    expect(body.message).toBe(body.detail);
    expect(headers.get('content-type')).toContain('application/problem+json');
  });

  it('names the methods that a path takes', async () => {
    expect((await call(server, '/jobs', { method: 'PUT' })).headers.get('allow')).toBe('GET, POST');
  });

  it.each(['localhost', 'LOCALHOST:1234', '127.0.0.1', '127.9.9.9:80', '[::1]:8000', 'app.localhost', 'batch.example'])(
    'serves the Host %s',
    async (host) => {
      expect((await raw('/models', { host }))[0]).toBe(200);
    },
  );

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'batch.example.evil',
    '10.0.0.1',
    'a b',
  ])('refuses the Host %s, except from probes', async (host) => {
    expect(await raw('/models', { host })).toEqual([421, 'FORBIDDEN_HOST']);
    expect(await raw('/nope', { host })).toEqual([421, 'FORBIDDEN_HOST']);
    expect(await raw('/docs', { host })).toEqual([421, 'FORBIDDEN_HOST']);
    expect((await raw('/healthz', { host }))[0]).toBe(200);
  });

  it.each(['https://evil.example', 'http://localhost:1', 'null', 'nonsense', 'http://localhost.evil.example:8000'])(
    'refuses the Origin %s',
    async (origin) => {
      expect(await raw('/jobs', { host: 'localhost:8000', origin }, 'POST')).toEqual([403, 'CROSS_SITE_REQUEST']);
      expect(await raw('/jobs', { host: 'localhost:8000', origin })).toEqual([403, 'CROSS_SITE_REQUEST']);
    },
  );

  it.each([
    ['localhost:8000', 'http://localhost:8000'],
    ['localhost', 'http://localhost'],
    ['batch.example', 'https://batch.example'],
    ['localhost:8000', 'https://batch.example'],
  ])('serves the Host %s to the Origin %s', async (host, origin) => {
    expect((await raw('/models', { host, origin }))[0]).toBe(200);
  });

  it.each([
    ['localhost:8000', 'http://localhost:3000'],
    ['localhost:8000', 'http://localhost'],
    ['localhost:8000', 'http://127.0.0.1'],
    ['127.0.0.1:8000', 'http://127.0.0.1:3000'],
    ['batch.example:8000', 'http://batch.example'],
    ['batch.example', 'https://batch.example:3000'],
    ['localhost:8000', 'https://batch.example:3000'],
    ['batch.example', 'https://www.batch.example'],
  ])('refuses on the Host %s the Origin %s, a page of another port or name', async (host, origin) => {
    expect(await raw('/models', { host, origin })).toEqual([403, 'CROSS_SITE_REQUEST']);
    const browser = { host, origin, 'sec-fetch-site': 'same-site' };
    expect(await raw('/models', browser)).toEqual([403, 'CROSS_SITE_REQUEST']);
  });

  it.each<[string, Record<string, string>]>([
    ['https://batch.example:8443', { 'x-forwarded-host': 'batch.example:8443' }],
    ['https://batch.example:8443', { 'x-forwarded-host': 'batch.example', 'x-forwarded-port': '8443' }],
    ['https://batch.example', { 'x-forwarded-host': 'batch.example, inner:8000', 'x-forwarded-port': '443' }],
    ['https://batch.example:8443', { 'sec-fetch-site': 'same-origin' }],
  ])('serves its own pages at %s behind a proxy that says %j', async (origin, headers) => {
    expect((await raw('/models', { host: 'localhost:8000', origin, ...headers }))[0]).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ['https://batch.example:3000', { 'x-forwarded-host': 'batch.example' }],
    ['https://evil.example', { 'x-forwarded-host': 'evil.example' }],
    ['http://localhost:3000', { 'x-forwarded-host': 'localhost:3000' }],
  ])('refuses the Origin %s behind a proxy that says %j', async (origin, headers) => {
    expect(await raw('/models', { host: 'localhost:8000', origin, ...headers })).toEqual([403, 'CROSS_SITE_REQUEST']);
  });

  it('refuses two Host headers, also of a probe', async () => {
    for (const path of ['/models', '/healthz']) {
      const client = await RawClient.connect(server.port);
      await client.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nhost: batch.example\r\n\r\n`);
      const { status, body } = await client.response();
      client.destroy();
      expect([status, JSON.parse(body).error]).toEqual([400, 'INVALID_REQUEST']);
    }
  });

  it('refuses what a browser calls same-site, but follows a link to the docs', async () => {
    const sibling = { host: 'localhost', 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' };
    expect(await raw('/jobs', sibling)).toEqual([403, 'CROSS_SITE_REQUEST']);
    expect((await raw('/docs', sibling))[0]).toBe(200);
    expect((await raw('/jobs', { host: 'localhost', 'sec-fetch-site': 'none' }))[0]).toBe(200);
  });

  it('refuses what a browser calls cross-site, but follows a link to the docs', async () => {
    const host = 'localhost';
    const crossSite = { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(await raw('/jobs', crossSite)).toEqual([403, 'CROSS_SITE_REQUEST']);
    expect((await raw('/docs', crossSite))[0]).toBe(200);
    expect((await raw('/help/', crossSite))[1]).not.toBe('CROSS_SITE_REQUEST');
    expect(await raw('/helpful', crossSite)).toEqual([403, 'CROSS_SITE_REQUEST']);
    expect((await raw('/', crossSite))[0]).toBe(302);
    expect((await raw('/jobs', { host, 'sec-fetch-site': 'same-origin' }))[0]).toBe(200);
  });

  it('is alive while Kafka is away, and says why it is not ready', async () => {
    server.kafka.up = false;
    const live = await call(server, '/healthz');
    expect([live.status, live.body.status]).toEqual([200, 'healthy']);
    const ready = await call(server, '/readyz');
    expect(ready.status).toBe(503);
    expect(ready.headers.get('content-type')).toContain('application/json');
    expect(ready.body).toMatchObject({
      status: 'error',
      info: { store: { status: 'up' }, storage: { status: 'up' }, disk: { status: 'up' } },
      error: { kafka: { status: 'down', message: expect.any(String) } },
    });
    server.kafka.up = true;
    expect(await call(server, '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it('leads from / to them', async () => {
    const { status, headers } = await call(server, '/', { redirect: 'manual' });
    expect([status, headers.get('location')]).toEqual([302, '/docs']);
  });

  it('shows the contract and Swagger UI with its own assets', async () => {
    expect((await call(server, '/openapi.json')).body).toEqual(loadContract());
    const page = (await call(server, '/docs')).body as string;
    const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      expect(asset).toMatch(/^\.\//);
      expect((await call(server, new URL(asset, 'http://x/docs').pathname)).status).toBe(200);
    }
  });

  it('explains every error where its problem points', async () => {
    const { body, headers } = await call(server, '/docs/errors');
    expect(headers.get('content-type')).toContain('text/html');
    for (const code of Object.keys(catalogue)) expect(body).toContain(`id="${code}"`);
  });
});
