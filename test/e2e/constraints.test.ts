import { Api } from '../kit/api.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';
import { at, type Branch, isBranch, type Json, members, operations, resolve } from '../openapi/document.js';
import { constraintsOf, forbidden } from '../openapi/forbidden.js';
import { ContractClient, type Question } from './support/contract-client.js';
import { CSV, FLAT, form, JSON_SCHEMA, text } from './support/samples.js';

const dialect = { delimiter: ';', quote: "'", escape: '\\', comment: '#', skip_lines: 1, trim: true, header: true };
// The blank is what it is made longer with: it takes one byte in a URL.
const RENAME = '{"Qty":"qty"} ';
const NORMALIZE = '{"qty":["trim"]} ';
const EXPECT = '{"rows":2} ';
const SINKS = { sinks: 'postgres', sink_when: 'success', max_sink_errors: 5, on_conflict: 'skip' };
const uploads = { file: CSV, model_id: 'orders' };
let service: Service;
let client: ContractClient;
/** A job with rejected rows. */
let partial = '';

beforeAll(async () => {
  // It is not asked for anything that is taken.
  const env = { POSTGRES_SINK_URL: 'postgres://127.0.0.1:1/none' };
  service = await startService({ brokers: process.env['E2E_KAFKA_BROKERS'] as string, env });
  client = new ContractClient(service.url, new Set());
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  partial = (await api.ended((await api.createJob('orders', makeOrders(10, 2).csv)).job_id)).job_id;
});
afterAll(() => service.stop());

describe('every constraint of a request', () => {
  function isType(constraint: string, ...types: string[]): boolean {
    return constraint.endsWith('/type') && types.some((type) => type === at(constraint));
  }

  const accepted: string[] = [];
  afterEach(() => {
    expect(accepted.splice(0)).toEqual([]);
  });

  /** A value for an option that has a list of them, or is text. */
  function anyOf(schema: Branch): Json {
    return Array.isArray(schema['enum']) ? (schema['enum'][0] ?? null) : 'text';
  }

  /** The service takes none of them, and says so as the contract documents. */
  async function refused(operation: string, constraint: string, question: Question): Promise<void> {
    const { status } = await client.ask(operation, question);
    if (status < 400 || status > 499) accepted.push(`${operation}: ${constraint} broken: ${status}`);
  }

  it.each(['createModel', 'updateModel'])('in the body of %s is kept', async (operation) => {
    const schema = members(`${operations.find(({ id }) => id === operation)?.pointer}/requestBody/content`)[0];
    const pointer = `${schema?.pointer}/schema`;
    const tried = new Set<string>();
    for (const sample of [{ ...FLAT, sinks: ['postgres'] }, JSON_SCHEMA]) {
      const { id, ...update } = sample;
      for (const { constraint, value } of forbidden(pointer, operation === 'createModel' ? sample : update)) {
        tried.add(constraint);
        await refused(operation, constraint, { id: 'orders', body: value });
      }
    }
    // A member's name is text always.
    expect(constraintsOf(pointer).filter((constraint) => !tried.has(constraint))).toEqual([
      '/components/schemas/ColumnName/type',
    ]);
  });

  it.each([
    [
      'createJob',
      'JobUpload',
      202,
      {
        ...uploads,
        format: 'csv',
        rename: RENAME,
        ignore_header_case: true,
        normalize: NORMALIZE,
        expect: EXPECT,
        value_format: 'json',
        'metadata.source': 'crm',
        ...SINKS,
      },
    ],
    ['inferModel', 'InferUpload', 200, { file: CSV, partial: true, sample_rows: 5 }],
  ])('in the form of %s is kept', async (operation, schema, status, fields) => {
    const pointer = `/components/schemas/${schema}`;
    const sample = {
      ...Object.fromEntries(members(`${pointer}/properties`).map(({ key, node }) => [key, anyOf(node)])),
      ...dialect,
      ...fields,
    };
    expect((await client.ask(operation, { body: form(sample) })).status).toBe(status);
    const tried = new Set<string>();
    for (const { constraint, value } of forbidden(pointer, sample)) {
      if (!isBranch(value) || !Object.values(value).every((field) => typeof field !== 'object')) continue;
      // In a form, everything is text.
      if (isType(constraint, 'string', 'object')) continue;
      tried.add(constraint);
      // An empty field is one that is not given.
      if (Object.values(value).includes('')) continue;
      await refused(operation, constraint, { body: form(value) });
    }
    const inexpressible = constraintsOf(pointer).filter((constraint) => !tried.has(constraint));
    expect(inexpressible.filter((constraint) => !isType(constraint, 'string', 'object'))).toEqual([]);
  });

  const samples: Branch = {
    id: 'a1b2c3d4',
    model_id: 'orders',
    format: 'csv',
    ...dialect,
    sample_rows: 5,
    partial: true,
    rename: RENAME,
    ignore_header_case: true,
    normalize: NORMALIZE,
    expect: EXPECT,
    metadata: { 'metadata.source': 'crm' },
    ...SINKS,
    state: 'RUNNING',
    resumable: true,
    version: 1,
    limit: 10,
    cursor: 'abc',
    purge: true,
    force: true,
    'Idempotency-Key': 'key',
  };

  it.each(operations.map((operation) => [operation.id, operation] as const))(
    'in the parameters of %s is kept',
    async (id, operation) => {
      const path = operation.pointer.slice(0, operation.pointer.lastIndexOf('/'));
      const parameters = [...members(`${path}/parameters`), ...members(`${operation.pointer}/parameters`)];
      for (const { pointer, node } of parameters) {
        const name = node['name'] as string;
        const sample =
          id === 'listFeedFiles' && name === 'state'
            ? 'PENDING'
            : (samples[name] ?? anyOf(resolve(`${pointer}/schema`).node));
        const schema = `${pointer}/schema`;
        const tried = new Set<string>();
        const body = id === 'updateModel' ? { schema: ORDERS_SCHEMA } : undefined;
        const base: Question =
          id === 'createJob' || id === 'inferModel'
            ? { body: form(name === 'model_id' || id === 'inferModel' ? { file: CSV } : uploads) }
            : { body };
        for (const { constraint, value } of forbidden(schema, sample)) {
          const isObject = isBranch(value) && name === 'metadata';
          if (!isObject && (typeof value === 'object' || isType(constraint, 'string'))) continue;
          if (isObject && !Object.values(value).every((part) => typeof part === 'string')) continue;
          tried.add(constraint);
          const place = node['in'] !== 'path' ? partial : name === 'id' ? text(value) : 'orders';
          const version = name === 'version' ? text(value) : '1';
          const headers = node['in'] === 'header' ? { [name]: text(value) } : {};
          const query =
            node['in'] !== 'query' ? {} : isObject ? (value as Record<string, string>) : { [name]: text(value) };
          await refused(id, constraint, { ...base, id: place, version, headers, query });
        }
        const untried = constraintsOf(schema).filter((constraint) => !tried.has(constraint));
        expect(untried.filter((constraint) => !isType(constraint, 'string', 'object'))).toEqual([]);
        if (node['in'] === 'query' && name !== 'metadata') {
          const twice = Array.from({ length: 2 }, () => text(sample));
          await refused(id, `${name}, once`, { ...base, id: partial, query: { [name]: twice } });
        }
      }
    },
  );
});
