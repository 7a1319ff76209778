import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiKeys, type Scope } from '../../src/auth/index.js';
import { type Branch, type Operation, operations } from '../openapi/document.js';
import { RawClient, uploadHead } from './support/raw-client.js';
import { type Answer, call, upload } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const SCOPES: Scope[] = ['read', 'write', 'admin'];
const JSON_TYPE = { 'content-type': 'application/json' };

let folder: string;
let server: TestApp;
let admin: string;

async function newKey(name: string, scope: Scope, models: string[] | null = null): Promise<string> {
  return (await server.app.get(ApiKeys).create({ name, scope, models }, null)).key;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-access-'));
  server = await startTestApp({ AUTH: 'keys', RATE_LIMIT_WRONG_KEYS: '0', SOURCES: `file:${folder}` });
  admin = await newKey('admin', 'admin');
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function as(key: string): { authorization: string } {
  return { authorization: `Bearer ${key}` };
}

function send(method: string, path: string, key: string, body?: unknown): Promise<Answer> {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  return call(server, path, { method, headers: { ...as(key), ...(body === undefined ? {} : JSON_TYPE) }, ...json });
}

/** The scope that the contract demands; null: none. */
function demanded({ node }: Operation): Scope | null {
  const [first] = (node['security'] as Branch[]).filter((alternative) => 'apiKey' in alternative);
  return (first?.['apiKey'] as Scope[] | undefined)?.[0] ?? null;
}

const isOptional = ({ node }: Operation): boolean =>
  (node['security'] as Branch[]).some((alternative) => Object.keys(alternative).length === 0);

const pathOf = ({ path }: Operation, id = 'none0000'): string =>
  path.replace('{id}', id).replace('{version}', '1').replace('{name}', 'postgres');

/** Asks for an operation with a body that it takes no further than it must. */
function ask(operation: Operation, headers: Record<string, string>, id?: string): Promise<Answer> {
  const method = operation.method.toUpperCase();
  const hasBody = 'requestBody' in operation.node;
  const body = hasBody ? { body: '{}' } : {};
  return call(server, pathOf(operation, id), {
    method,
    headers: { ...headers, ...(hasBody ? JSON_TYPE : {}) },
    ...body,
  });
}

describe('each operation of the contract', () => {
  const rows = operations.map((operation) => [operation.id, operation] as const);
  const keys = new Map<Scope, string>();
  beforeAll(async () => {
    for (const scope of SCOPES) keys.set(scope, await newKey(scope, scope));
  });

  it.each(rows)('%s takes a key of its scope and no less', async (_, operation) => {
    const scope = demanded(operation);
    const without = await ask(operation, {});
    if (scope === null || isOptional(operation)) {
      expect(without.body).not.toMatchObject({ error: 'UNAUTHENTICATED' });
      if (scope === null) return;
    } else {
      expect([without.status, without.body.error]).toEqual([401, 'UNAUTHENTICATED']);
      expect(without.headers.get('www-authenticate')).toBe('Bearer realm="Batch"');
    }
    const unknown = await ask(operation, as(`${admin.slice(0, -1)}${admin.endsWith('0') ? '1' : '0'}`));
    expect([unknown.status, unknown.body.error]).toEqual([401, 'UNAUTHENTICATED']);
    for (const [held, key] of keys) {
      const { status, body } = await ask(operation, as(key));
      const isEnough = SCOPES.indexOf(held) >= SCOPES.indexOf(scope);
      expect([held, status === 403 && /has the scope/.test(body.message)]).toEqual([held, !isEnough]);
      expect([held, status]).not.toEqual([held, 401]);
    }
  });

  it('is in a place that is looked after', () => {
    const admins = operations.filter((operation) => demanded(operation) === 'admin').map(({ id }) => id);
    expect(admins.toSorted()).toEqual(['createBackup', 'createKey', 'getDiagnosis', 'listKeys', 'revokeKey']);
    const open = operations.filter((operation) => demanded(operation) === null).map(({ id }) => id);
    expect(open.toSorted()).toEqual(['getLiveness', 'notifyFeed']);
  });
});

describe('a request without a key', () => {
  it('sees the pages that are the same for everybody', async () => {
    for (const path of ['/', '/docs', '/docs/errors', '/docs/swagger-ui.css', '/openapi.json', '/healthz']) {
      expect([path, (await call(server, path)).status]).toEqual([path, 200]);
    }
  });

  it.each(['/nope', '/jobs/', '//jobs', '/Jobs', '/%6aobs', '/docsx', '/jobs?x=/docs', '/openapi.json/'])(
    'is refused at %s, like everywhere',
    async (path) => {
      const client = await RawClient.connect(server.port);
      await client.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      const { status } = await client.response();
      client.destroy();
      expect(status).toBe(401);
    },
  );

  it('does not leave the pages by a path that leads out of them', async () => {
    for (const path of ['/docs/../jobs', '/docs/%2e%2e/jobs', '/docs/..%2fjobs', '/docs//jobs']) {
      const client = await RawClient.connect(server.port);
      await client.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      const { status } = await client.response();
      client.destroy();
      expect([400, 401, 404]).toContain(status);
    }
  });

  it('is told which parts are ready, and not what is known of them', async () => {
    const { body } = await call(server, '/readyz');
    expect(Object.keys(body.details).length).toBeGreaterThan(3);
    for (const part of Object.values(body.details)) expect(Object.keys(part as object)).toEqual(['status']);
    const known = await call(server, '/readyz', { headers: as(admin) });
    expect(known.body.details.disk).toHaveProperty('free_bytes');
  });

  it('is refused before its body is read, or asked for', async () => {
    for (const path of ['/jobs', '/models/infer']) {
      const client = await RawClient.connect(server.port);
      const head = uploadHead({ 'content-length': 1_000_000, expect: '100-continue' }).replace('/jobs', path);
      await client.send(head);
      const { status, interim } = await client.response();
      client.destroy();
      expect([path, status, interim]).toEqual([path, 401, []]);
    }
    expect(await server.spooled()).toEqual([]);
  });

  it('is refused with two keys, of which a proxy may have read the other', async () => {
    const client = await RawClient.connect(server.port);
    const header = `authorization: Bearer ${admin}\r\n`;
    await client.send(`GET /jobs HTTP/1.1\r\nhost: localhost\r\n${header}${header}\r\n`);
    const { status, body } = await client.response();
    client.destroy();
    expect([status, JSON.parse(body).error]).toEqual([400, 'INVALID_REQUEST']);
  });

  it('is not helped by a key in its URL, its form or a cookie', async () => {
    const headers = { cookie: `authorization=Bearer ${admin}`, 'x-api-key': admin };
    for (const query of [`?key=${admin}`, `?access_token=${admin}`, `?authorization=Bearer%20${admin}`]) {
      expect((await call(server, `/jobs${query}`, { headers })).status).toBe(401);
    }
  });
});

describe('keys', () => {
  it('are created, listed, shown and revoked', async () => {
    const created = await send('POST', '/keys', admin, { name: 'loader', scope: 'write', models: ['orders'] });
    expect(created).toMatchObject({ status: 201, body: { scope: 'write', models: ['orders'], created_by: 'admin' } });
    expect(created.headers.get('cache-control')).toBe('no-store');
    const { key, ...shown } = created.body;
    const list = await send('GET', '/keys?limit=1', admin);
    expect([list.body, list.headers.get('link')]).toEqual([[shown], expect.stringContaining('cursor=')]);
    expect((await send('GET', '/keys/current', key)).body).toEqual(shown);
    const revoked = await send('DELETE', `/keys/${shown.id}`, admin);
    expect(revoked).toMatchObject({ status: 200, body: { ...shown, revoked_at: expect.any(String) } });
    expect((await send('GET', '/keys/current', key)).status).toBe(401);
    expect((await send('DELETE', '/keys/none', admin)).body.error).toBe('KEY_NOT_FOUND');
  });

  it('are not made by those who may not, nor if the service asks for none', async () => {
    const writer = await newKey('writer', 'write');
    const wanted = { name: 'mine', scope: 'admin' };
    expect((await send('POST', '/keys', writer, wanted)).body.error).toBe('FORBIDDEN');
    const open = await startTestApp();
    try {
      const made = await call(open, '/keys', { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(wanted) });
      expect(made.body).toMatchObject({ error: 'FORBIDDEN', hint: expect.stringContaining('AUTH=keys') });
      for (const path of ['/keys', '/keys/current']) expect((await call(open, path)).status).toBe(403);
      expect((await call(open, '/jobs')).status).toBe(200);
    } finally {
      await open.close();
    }
  });
});

describe('a key for some models', () => {
  let other: string;
  let job: string;

  beforeAll(async () => {
    const schema = { id: 'String', qty: 'Int32' };
    for (const id of ['mine', 'theirs']) await send('POST', '/models', admin, { id, name: id, schema });
    other = await newKey('other', 'write', ['mine', 'later']);
    const fields: [string, string][] = [['model_id', 'theirs']];
    const made = await upload(server, { fields, file: 'id,qty\na,1\n', headers: as(admin) });
    expect([made.status, made.body.error]).toEqual([202, null]);
    job = made.body.job_id;
    const feed = { id: 'feed', source: { uri: `file://${folder}/` }, model_id: 'theirs' };
    const created = await send('POST', '/feeds', admin, feed);
    expect([created.status, created.body.error]).toEqual([201, null]);
  });

  const below = operations.filter(({ id, path }) => /^\/(jobs|models|feeds)\/\{id\}/.test(path) && id !== 'notifyFeed');

  it.each(below.map((operation) => [operation.id, operation] as const))(
    'has nothing of others by %s',
    async (_, operation) => {
      const [, place = ''] = operation.path.split('/');
      const [id, code] =
        { jobs: [job, 'JOB_NOT_FOUND'], models: ['theirs', 'FORBIDDEN'], feeds: ['feed', 'FEED_NOT_FOUND'] }[place] ??
        [];
      const theirs = await ask(operation, as(other), id);
      expect([theirs.status, theirs.body.error]).toEqual([code === 'FORBIDDEN' ? 403 : 404, code]);
      if (place === 'models') return;
      // Word for word as if there were none.
      const none = await ask(operation, as(other), place === 'jobs' ? 'none0000' : 'none');
      expect(none.body.message).toBe(
        theirs.body.message.replace(`'${id}'`, place === 'jobs' ? "'none0000'" : "'none'"),
      );
    },
  );

  it('sees none of others in lists', async () => {
    for (const path of ['/jobs', '/models', '/feeds']) {
      const [all, some] = [await send('GET', path, admin), await send('GET', path, other)];
      expect([path, JSON.stringify(all.body).includes('theirs')]).toEqual([path, true]);
      expect([path, some.status, JSON.stringify(some.body).includes('theirs')]).toEqual([path, 200, false]);
    }
    expect((await send('GET', '/models', other)).body).toMatchObject([{ id: 'mine' }]);
    for (const path of ['/jobs?model_id=theirs', '/jobs?model_id=none', '/sinks', '/metrics']) {
      expect([path, (await send('GET', path, other)).body.error]).toEqual([path, 'FORBIDDEN']);
    }
  });

  it('makes nothing for others', async () => {
    const file = 'id,qty\na,1\n';
    const headers = as(other);
    const theirs: [string, string][] = [['model_id', 'theirs']];
    const mine: [string, string][] = [['model_id', 'mine']];
    const refused = [
      await upload(server, { headers, fields: theirs, file }),
      await upload(server, { headers, after: theirs, file }),
      await upload(server, { headers, query: '?model_id=theirs', file }),
      await send('POST', '/jobs', other, { model_id: 'theirs', source: { uri: `file://${folder}/a.csv` } }),
      await send('POST', '/feeds', other, { id: 'x', source: { uri: `file://${folder}/` }, model_id: 'theirs' }),
      await send('POST', '/models', other, { id: 'x', name: 'x', schema: { id: 'String' } }),
      await send('POST', '/models', other, { name: 'theirs', schema: { id: 'String' } }),
      await send('POST', '/models', other, { name: 'a name', schema: { id: 'String' } }),
    ];
    expect(refused.map(({ status, body }) => [status, body.error])).toEqual(refused.map(() => [403, 'FORBIDDEN']));
    const both = await upload(server, { headers, query: '?model_id=mine', fields: theirs, file });
    expect([both.status, both.body.error]).toEqual([400, 'INVALID_OPTION']);
    for (const form of [
      { fields: [...mine, ['from_job', job]] },
      { fields: mine, query: `?from_job=${job}` },
    ] as const) {
      const taken = await upload(server, { headers, ...form, fields: [...form.fields] as [string, string][] });
      expect([taken.status, taken.body.error]).toEqual([404, 'JOB_NOT_FOUND']);
    }
    expect((await server.spooled()).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect((await send('POST', '/models', other, { name: 'later', schema: { id: 'String' } })).status).toBe(201);
    expect((await upload(server, { headers, fields: mine, file })).status).toBe(202);
  });

  it('does not meet the Idempotency-Keys of others', async () => {
    const form = { fields: [['model_id', 'mine']] as [string, string][], file: 'id,qty\nb,2\n' };
    const withKey = (key: string): Promise<Answer> =>
      upload(server, { ...form, headers: { ...as(key), 'idempotency-key': 'the same' } });
    const [ours, theirs] = [await withKey(other), await withKey(admin)];
    expect([ours.status, theirs.status]).toEqual([202, 202]);
    expect(theirs.body.job_id).not.toBe(ours.body.job_id);
    // A key that takes the place of another one has its name.
    const again = await withKey(await newKey('other', 'write', ['mine']));
    expect([again.status, again.body.job_id]).toEqual([200, ours.body.job_id]);
  });
});
