import { sql } from 'kysely';
import { DATABASE, type Database } from '../../src/database/index.js';
import { call, post } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const SCHEMA = { qty: 'Int32', id: 'String', price: 'Nullable(Float64)' };

/** More than is free in the pages of a new database. */
const COLUMNS = Array.from({ length: 400 }, (_, i) => [`column_with_a_long_name_${i}`, 'String']);

describe('models over HTTP', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await startTestApp();
  });
  afterAll(() => server.close());

  it('are created, and found under their address', async () => {
    const { status, headers, body } = await post(server, '/models', { id: 'm-1', name: 'First one', schema: SCHEMA });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe('/models/m-1');
    expect(body).toMatchObject({ id: 'm-1', name: 'First one', version: 1 });
    expect(Object.keys(body.schema)).toEqual(['qty', 'id', 'price']);
    expect(body.columns[2]).toEqual({ name: 'price', type: 'Float64', nullable: true, constraints: {} });
    expect((await call(server, '/models/m-1')).body).toEqual(body);
  });

  it('take their name as id where it is one, else a random id', async () => {
    expect((await post(server, '/models', { name: 'by-name', schema: SCHEMA })).body.id).toBe('by-name');
    expect((await post(server, '/models', { name: 'not an id', schema: SCHEMA })).body.id).toMatch(/^[a-z2-7]{8}$/);
  });

  it('refuse an id that is taken', async () => {
    await post(server, '/models', { name: 'taken', schema: SCHEMA });
    const { body } = await post(server, '/models', { name: 'taken', schema: SCHEMA });
    expect(body).toMatchObject({ status: 409, error: 'MODEL_ALREADY_EXISTS' });
  });

  it.each<[string, unknown, string, RegExp]>([
    ['no name', { schema: SCHEMA }, 'INVALID_REQUEST', /^name /],
    ['an empty name', { name: '', schema: SCHEMA }, 'INVALID_REQUEST', /^name /],
    ['an endless name', { name: 'a'.repeat(129), schema: SCHEMA }, 'INVALID_REQUEST', /^name /],
    ['a number as name', { name: 1, schema: SCHEMA }, 'INVALID_REQUEST', /^name /],
    ['an impossible id', { id: '-a', name: 'a', schema: SCHEMA }, 'INVALID_REQUEST', /^id /],
    ['an endless id', { id: 'a'.repeat(64), name: 'a', schema: SCHEMA }, 'INVALID_REQUEST', /^id /],
    ['null as id', { id: null, name: 'a', schema: SCHEMA }, 'INVALID_REQUEST', /^id /],
    ['no schema', { name: 'a' }, 'INVALID_REQUEST', /^schema /],
    ['an unknown sink', { name: 'a', schema: SCHEMA, sinks: ['oracle'] }, 'INVALID_REQUEST', /^sinks .*clickhouse/],
    ['a sink twice', { name: 'a', schema: SCHEMA, sinks: ['postgres', 'postgres'] }, 'INVALID_REQUEST', /^sinks /],
    ['text as sinks', { name: 'a', schema: SCHEMA, sinks: 'clickhouse' }, 'INVALID_REQUEST', /^sinks /],
    ['a list as schema', { name: 'a', schema: [] }, 'INVALID_REQUEST', /^schema /],
    ['an unknown member', { name: 'a', schema: SCHEMA, colour: 'red' }, 'INVALID_REQUEST', /colour/],
    ['an unknown type', { name: 'a', schema: { qty: 'Integer' } }, 'INVALID_SCHEMA', /\/qty/],
    ['a list', [], 'INVALID_REQUEST', /./],
    ['a string', '"a"', 'INVALID_REQUEST', /./],
    ['null', 'null', 'INVALID_REQUEST', /./],
    ['half an object', '{"name":', 'INVALID_JSON', /./],
    ['nothing', '', 'INVALID_JSON', /empty/],
    ['a prototype', '{"__proto__":{},"name":"a","schema":{}}', 'INVALID_JSON', /__proto__/],
    ['more than 1 MiB', { name: 'a', schema: { a: 'a'.repeat(1024 ** 2) } }, 'INVALID_REQUEST', /1 MiB/],
  ])('refuse %s', async (_what, body, code, detail) => {
    const answer = await post(server, '/models', body);
    expect(answer.body).toMatchObject({ status: 400, error: code, detail: expect.stringMatching(detail) });
  });

  it('are refused with 507 while the disk is full, and created once it is not', async () => {
    const model = { id: 'roomy', name: 'roomy', schema: Object.fromEntries(COLUMNS) };
    const database = server.app.get<Database>(DATABASE);
    const pages = await sql<{ page_count: number }>`PRAGMA page_count`.execute(database);
    await sql`PRAGMA max_page_count = ${sql.lit(pages.rows[0]?.page_count)}`.execute(database);
    expect(await post(server, '/models', model)).toMatchObject({
      status: 507,
      body: { error: 'INSUFFICIENT_STORAGE' },
    });
    expect((await call(server, '/models/roomy')).status).toBe(404);
    await sql`PRAGMA max_page_count = 1000000`.execute(database);
    expect((await post(server, '/models', model)).status).toBe(201);
  });

  it('refuse what is not UTF-8', async () => {
    const answer = await call(server, '/models', {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(answer.body).toMatchObject({ error: 'INVALID_JSON' });
  });

  it.each(['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'nonsense'])(
    'refuse %s',
    async (type) => {
      const answer = await call(server, '/models', { method: 'POST', headers: { 'content-type': type }, body: '{}' });
      expect(answer.body).toMatchObject({ status: 415, error: 'UNSUPPORTED_MEDIA_TYPE' });
    },
  );

  it.each(['nope', 'a%20b', '-', 'x'.repeat(5000)])('are not found under an id that is none (%#)', async (id) => {
    expect((await call(server, `/models/${id}`)).body).toMatchObject({ status: 404, error: 'MODEL_NOT_FOUND' });
  });

  it('get a next version, and keep their name unless it changes', async () => {
    const created = await post(server, '/models', { id: 'v', name: 'Versioned', schema: SCHEMA });
    const put = (body: unknown) =>
      call(server, '/models/v', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const second = await put({ schema: { a: 'String' } });
    expect(second.status).toBe(200);
    expect(second.body).toMatchObject({ id: 'v', name: 'Versioned', version: 2, schema: { a: 'String' } });
    expect(second.body.created_at).toBe(created.body.created_at);
    expect((await put({ name: 'Renamed', schema: SCHEMA })).body).toMatchObject({ name: 'Renamed', version: 3 });
    expect((await call(server, '/models/v')).body).toMatchObject({ version: 3 });
    for (const body of [
      {},
      { schema: SCHEMA, id: 'w' },
      { schema: SCHEMA, name: '' },
      { schema: SCHEMA, name: null },
    ]) {
      expect((await put(body)).body).toMatchObject({ status: 400, error: 'INVALID_REQUEST' });
    }
    expect((await put({ schema: { a: 'Text' } })).body).toMatchObject({ status: 400, error: 'INVALID_SCHEMA' });
    expect((await call(server, '/models/v')).body.version).toBe(3);
  });

  it('have the sinks they are given, in one order, and keep them unless they change', async () => {
    const put = async (body: object) => {
      const init = { method: 'PUT', headers: { 'content-type': 'application/json' } };
      return (await call(server, '/models/fed', { ...init, body: JSON.stringify({ schema: SCHEMA, ...body }) })).body;
    };
    const created = await post(server, '/models', { name: 'fed', schema: SCHEMA, sinks: ['postgres', 'clickhouse'] });
    expect(created.body).toMatchObject({ sinks: ['clickhouse', 'postgres'] });
    expect(await put({})).toMatchObject({ version: 2, sinks: ['clickhouse', 'postgres'] });
    expect(await put({ sinks: [] })).toMatchObject({ version: 3, sinks: [] });
    expect(await put({ sinks: null })).toMatchObject({ version: 4, sinks: null });
    expect((await call(server, '/models/fed/versions/1')).body).toEqual(created.body);
    expect((await post(server, '/models', { name: 'unfed', schema: SCHEMA })).body.sinks).toBeNull();
  });

  it('keep every version, also when they are deleted', async () => {
    await post(server, '/models', { id: 'kept', name: 'Kept', schema: { a: 'String' } });
    const body = JSON.stringify({ schema: { b: 'Int8' } });
    const put = { method: 'PUT', headers: { 'content-type': 'application/json' }, body };
    for (let times = 0; times < 2; times++) await call(server, '/models/kept', put);
    const first = await call(server, '/models/kept/versions/1');
    expect([first.status, first.body]).toMatchObject([200, { id: 'kept', version: 1, schema: { a: 'String' } }]);
    expect((await call(server, '/models/kept/versions/3')).body).toEqual((await call(server, '/models/kept')).body);
    await call(server, '/models/kept', { method: 'DELETE' });
    const page = await call(server, '/models/kept/versions?limit=2');
    expect(page.body.map(({ version }: { version: number }) => version)).toEqual([3, 2]);
    const next = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
    const last = await call(server, next);
    expect([last.body, last.headers.get('link')]).toEqual([[first.body], null]);
    for (const path of ['kept/versions/4', 'kept/versions/0', 'kept/versions/x', 'none/versions/1', 'none/versions']) {
      expect((await call(server, `/models/${path}`)).body).toMatchObject({ status: 404, error: 'MODEL_NOT_FOUND' });
    }
    expect((await call(server, '/models/kept/versions/x')).body.detail).toBe("There is no version 'x' of model 'kept'");
    expect((await call(server, '/models/kept/versions?limit=0')).body).toMatchObject({ error: 'INVALID_REQUEST' });
  });

  it('are gone when they are deleted, and leave their id to others', async () => {
    await post(server, '/models', { name: 'gone', schema: SCHEMA });
    const deleted = await call(server, '/models/gone', { method: 'DELETE' });
    expect([deleted.status, deleted.body]).toEqual([204, '']);
    const put = {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ schema: SCHEMA }),
    };
    for (const init of [{}, { method: 'DELETE' }, put]) {
      expect((await call(server, '/models/gone', init)).body).toMatchObject({ status: 404, error: 'MODEL_NOT_FOUND' });
    }
    expect((await post(server, '/models', { name: 'gone', schema: SCHEMA })).status).toBe(201);
  });

  it('come in pages, newest first, with a link to the next', async () => {
    for (const id of ['p1', 'p2', 'p3']) await post(server, '/models', { id, name: id, schema: SCHEMA });
    const first = await call(server, '/models?limit=2');
    expect(first.body.map(({ id }: { id: string }) => id)).toEqual(['p3', 'p2']);
    const next = /^<(.+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    expect((await call(server, next)).body[0].id).toBe('p1');
    expect((await call(server, '/models')).headers.get('link')).toBeNull();
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'limit=', 'limit=1&limit=2', 'cursor=a%20b', 'cursor=', 'page=2'])(
    'refuse the query %s',
    async (query) => {
      expect((await call(server, `/models?${query}`)).body).toMatchObject({ status: 400, error: 'INVALID_REQUEST' });
    },
  );
});
