import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inlineScripts } from '../../src/api/docs/help.js';
import { RawClient } from './support/raw-client.js';
import { call } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const APP = 'https://app.example';
const FEED = { id: 'orders', model_id: 'orders', every: 3600 };

let server: TestApp;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-browsers-'));
  server = await startTestApp({ ALLOWED_ORIGINS: `${APP},http://localhost:5173`, SOURCES: `file:${folder}` });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** fetch sets Origin and Sec-Fetch-* itself. */
async function raw(start: string, headers: Record<string, string>): Promise<{ status: number; head: string }> {
  const client = await RawClient.connect(server.port);
  const lines = Object.entries({ host: `localhost:${server.port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  await client.send(`${start} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const { status, headers: answered } = await client.response();
  client.destroy();
  return { status, head: JSON.stringify(answered).toLowerCase() };
}

describe('ALLOWED_ORIGINS', () => {
  it('lets pages of these origins make requests, and read the answers', async () => {
    const { status, head } = await raw('GET /jobs', { origin: APP, 'sec-fetch-site': 'cross-site' });
    expect(status).toBe(200);
    expect(head).toContain(`"access-control-allow-origin":"${APP}"`);
    expect(head).toMatch(/"access-control-expose-headers":"[^"]*link[^"]*retry-after/);
    expect(head).not.toContain('access-control-allow-credentials');
  });

  it('answers their preflights, without a key', async () => {
    const preflight = {
      origin: APP,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    };
    const { status, head } = await raw('OPTIONS /jobs', preflight);
    expect(status).toBe(204);
    expect(head).toContain('"access-control-allow-headers":"authorization"');
    expect(head).toMatch(/"access-control-allow-methods":"[^"]*post/);
  });

  it.each(['https://app.example.evil', 'https://evil.example', 'http://app.example', 'null'])(
    'refuses pages of %s, and tells them nothing',
    async (origin) => {
      const { status, head } = await raw('GET /jobs', { origin, 'sec-fetch-site': 'cross-site' });
      expect(status).toBe(403);
      expect(head).not.toContain('access-control-allow-origin');
    },
  );
});

describe('what browsers are told', () => {
  it.each(['/jobs', '/nope', '/healthz', '/openapi.json'])(
    'of %s: it is data, whatever it looks like',
    async (path) => {
      const { headers } = await call(server, path);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toBeNull();
    },
  );

  it.each(['/docs', '/docs/errors', '/docs/swagger-ui-init.js', '/help/'])(
    'of %s: it runs our scripts alone',
    async (path) => {
      const { headers } = await call(server, path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/script-src 'self'/);
      expect(/script-src[^;]*/.exec(policy)?.[0]).not.toContain('unsafe');
      expect(policy).toContain("frame-ancestors 'none'");
    },
  );

  it('is which scripts a page has in it', () => {
    const text = 'document.title = "<b>"\n';
    const page = `<script type="module" src="/a.js"></script><script id="x">${text}</script><script>${text}</script>`;
    expect(inlineScripts(page)).toEqual([`'sha256-${createHash('sha256').update(text).digest('base64')}'`]);
  });
});

describe('a notification', () => {
  const secret = 'a-secret-of-many-letters';
  const notify = (id: string, authorization: string, body = '[]') =>
    call(server, `/feeds/${id}/notifications`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/cloudevents-batch+json' },
      body,
    });
  beforeAll(async () => {
    const json = { method: 'POST', headers: { 'content-type': 'application/json' } };
    await call(server, '/models', {
      ...json,
      body: JSON.stringify({ id: 'orders', name: 'orders', schema: { id: 'Int32' } }),
    });
    const feed = { ...FEED, source: { uri: `${pathToFileURL(folder).href}/` }, secret };
    const { status } = await call(server, '/feeds', { ...json, body: JSON.stringify(feed) });
    expect(status).toBe(201);
  });

  it('is taken with the secret', async () => {
    expect((await notify('orders', `Bearer ${secret}`)).status).toBe(202);
    expect((await notify('orders', `Bearer ${secret}`, '{')).body).toMatchObject({ error: 'INVALID_JSON' });
  });

  it.each([
    ['another secret', 'orders', 'Bearer other'],
    ['no secret', 'orders', ''],
    ['another scheme', 'orders', `Basic ${secret}`],
    ['no such feed', 'none', `Bearer ${secret}`],
    ['an id that no feed can have', '%20', 'Bearer x'],
  ])('with %s is refused alike, before its body is read', async (_what, id, authorization) => {
    const { status, body } = await notify(id, authorization, '{');
    expect([status, body.error, body.message]).toEqual([
      401,
      'FEED_SECRET_WRONG',
      'There is no feed with this id and this secret',
    ]);
  });
});
