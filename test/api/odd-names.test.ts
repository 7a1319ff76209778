import { call, post, upload } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

/** Names that every object or function has, so that careless code finds them where nobody put them. */
const NAMES = ['constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', 'then', 'length'];

let server: TestApp;
beforeAll(async () => {
  server = await startTestApp();
  await server.createModel('orders');
});
afterAll(() => server.close());

async function put(path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  return call(server, path, { method: 'PUT', headers, body: JSON.stringify(body) });
}

describe.each(NAMES)('the name %s', (name) => {
  const model = `m-${name}`;

  it('is a column of a flat schema', async () => {
    const schema = { [name]: 'Int32', id: 'String' };
    const { status, body } = await post(server, '/models', { id: model, name, schema });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name, schema, columns: [{ name, type: 'Int32' }, { name: 'id' }] });
    expect((await call(server, `/models/${model}`)).body).toEqual(body);
    const updated = await put(`/models/${model}`, { schema: { [name]: 'Bool' } });
    expect(updated.body).toMatchObject({ version: 2, schema: { [name]: 'Bool' }, columns: [{ name, type: 'Bool' }] });
  });

  it('is a property of a JSON Schema, at any depth', async () => {
    const inner = { type: 'object', properties: { [name]: { type: 'integer' } }, required: [name] };
    const schema = { type: 'object', properties: { [name]: inner, list: { type: 'array', items: inner } } };
    const { status, body } = await post(server, '/models', { name: 'nested', id: `${model}-nested`, schema });
    expect(status).toBe(201);
    expect(body.schema).toEqual(schema);
    const column = { name, type: 'Int64', nullable: false };
    expect(body.columns).toMatchObject([
      { name, type: 'Object', properties: [column] },
      { name: 'list', items: { properties: [column] } },
    ]);
  });

  it('is not a keyword of a schema', async () => {
    for (const schema of [
      { type: 'object', [name]: {} },
      { type: 'object', properties: { a: { type: 'string', [name]: 1 } } },
      { a: 'String', [name]: { type: 'string' } },
    ]) {
      const { body } = await post(server, '/models', { name: 'a', schema });
      expect(body).toMatchObject({ error: 'INVALID_SCHEMA', detail: expect.stringContaining(name) });
    }
  });

  it('is not a member of a request', async () => {
    for (const value of ['a', null, {}, []]) {
      const given = { schema: { id: 'String' }, [name]: value };
      for (const { body } of [
        await post(server, '/models', { name: 'a', ...given }),
        await put('/models/orders', given),
      ]) {
        expect(body).toMatchObject({ status: 400, error: 'INVALID_REQUEST', detail: expect.stringContaining(name) });
      }
    }
  });

  it('is not a parameter of a list', async () => {
    for (const path of ['/models', '/jobs', '/jobs/a1b2c3d4/rejected']) {
      const { body } = await call(server, `${path}?${name}=1`);
      expect(body).toMatchObject({ status: 400, error: 'INVALID_REQUEST', detail: expect.stringContaining(name) });
    }
    const { body } = await call(server, `/jobs/a1b2c3d4?${name}=1`, { method: 'DELETE' });
    expect(body).toMatchObject({ status: 400, error: 'INVALID_REQUEST', detail: expect.stringContaining(name) });
  });
});

describe.each([...NAMES, '__proto__'])('the name %s, with a file', (name) => {
  it('is a column that is renamed and normalized, and a key of metadata', async () => {
    const rename = JSON.stringify(Object.fromEntries([[name, 'id']]));
    const normalize = JSON.stringify(Object.fromEntries([[name, ['trim']]]));
    const { status, body } = await upload(server, {
      file: 'a,b\n1,2\n',
      fields: [
        ...[['model_id', 'orders'] as [string, string], ['value_format', 'json'] as [string, string]],
        ...[['rename', rename] as [string, string], ['normalize', normalize] as [string, string]],
        [`metadata.${name}`, 'x'],
      ],
    });
    expect(status).toBe(202);
    expect(Object.entries(body.options.rename)).toEqual([[name, 'id']]);
    expect(Object.entries(body.options.normalize)).toEqual([[name, ['trim']]]);
    expect(Object.entries(body.metadata)).toEqual([[name, 'x']]);
    const { body: again } = await call(server, `/jobs/${body.job_id}`);
    expect(JSON.stringify([again.options, again.metadata])).toBe(JSON.stringify([body.options, body.metadata]));
  });

  it('is not an option', async () => {
    const asField = await upload(server, {
      file: 'a\n',
      fields: [
        ['model_id', 'orders'],
        [name, 'x'],
      ],
    });
    const behindFile = await upload(server, { file: 'a\n', fields: [['model_id', 'orders']], after: [[name, 'x']] });
    const asParameter = await upload(server, { file: 'a\n', query: `?model_id=orders&${name}=x` });
    for (const { body } of [asField, behindFile, asParameter]) {
      expect(body).toMatchObject({ error: 'INVALID_OPTION', detail: expect.stringContaining(name) });
    }
  });
});

it('__proto__ is refused by its name in every body', async () => {
  for (const schema of ['{"__proto__":"String"}', '{"type":"object","properties":{"__proto__":{"type":"string"}}}']) {
    const { body } = await post(server, '/models', `{"name":"a","schema":${schema}}`);
    expect(body).toMatchObject({ error: 'INVALID_JSON', detail: expect.stringContaining('__proto__') });
  }
});
