import { runInNewContext } from 'node:vm';
import { Api } from '../kit/api.js';
import { type Service, startService } from '../kit/service.js';

/** Requests as Swagger UI makes them of the document that it is given. */
interface Field {
  examples?: unknown[];
  default?: unknown;
  example?: unknown;
  pattern?: string;
  contentMediaType?: string;
}
interface Operation {
  parameters?: { name?: string; in?: string }[];
  requestBody: { content: Record<string, { schema: { properties: Record<string, Field>; required: string[] } }> };
}

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
let server: Service;
let api: Api;
let operations: Record<string, { post: Operation }>;

beforeAll(async () => {
  server = await startService({ brokers });
  api = new Api(server.url);
  await api.createModel('orders', { id: 'String', qty: 'Int32' });
  const script = await (await fetch(`${server.url}/docs/swagger-ui-init.js`)).text();
  const shown: { spec?: { paths: typeof operations } } = {};
  const SwaggerUIBundle = Object.assign((options: typeof shown) => Object.assign(shown, options), {
    ...{ presets: { apis: [] }, plugins: {} },
  });
  const window: { onload?: () => void; location: object } = { location: { search: '', origin: server.url } };
  runInNewContext(script, { window, SwaggerUIBundle, SwaggerUIStandalonePreset: [] });
  window.onload?.();
  operations = shown.spec?.paths ?? {};
});
afterAll(() => server.stop());

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what came, whatever it is
  body: any;
}

async function post(path: string, body: FormData): Promise<Answer> {
  const response = await fetch(server.url + path, { method: 'POST', body });
  return { status: response.status, body: await response.json() };
}

/** What a field holds before anybody writes into it; without any of these it is made up from the pattern. */
function initialValue({ examples, default: initial, example }: Field): unknown {
  return examples?.[0] ?? initial ?? example;
}

async function tryOut(
  path: string,
  file: string,
  chosen: Record<string, string>,
  sendsEmpty: boolean,
): Promise<Answer> {
  const { schema } = operations[path]?.post.requestBody.content['multipart/form-data'] ?? {};
  const form = new FormData();
  for (const [name, field] of Object.entries(schema?.properties ?? {})) {
    const value = chosen[name] ?? initialValue(field);
    if (name === 'file') form.append('file', new Blob([file]), 'orders.txt');
    else if (value !== '' || sendsEmpty) form.append(name, String(value));
  }
  return post(path, form);
}

describe.each(['/jobs', '/models/infer'])('the page to try out POST %s', (path) => {
  it('shows a form whose fields are empty, or have a value that makes sense', () => {
    const { post: operation } = operations[path] as { post: Operation };
    const { properties, required } = operation.requestBody.content['multipart/form-data']?.schema ?? {};
    expect(required).toEqual([path === '/jobs' ? 'model_id' : 'file']);
    expect(properties?.['file']?.contentMediaType).toBe('application/octet-stream');
    for (const [name, field] of Object.entries(properties ?? {})) {
      if (name !== 'file' || path === '/jobs')
        expect([name, initialValue(field)]).toEqual([name, name === 'model_id' ? 'orders' : '']);
    }
    const names = (operation.parameters ?? []).flatMap(({ name, in: place }) => (place === 'query' ? [name] : []));
    expect(names).toEqual(path === '/jobs' ? ['metadata'] : []);
    for (const name of ['format', 'delimiter', 'null_values']) expect(properties).toHaveProperty(name);
  });

  it.each([
    ['not sent', false],
    ['sent', true],
  ])('asks for nothing but the file where the fields are empty and %s', async (_what, sendsEmpty) => {
    const csv = await tryOut(path, 'id,qty\n1,2\n', {}, sendsEmpty);
    expect(csv.status).toBeLessThan(300);
    expect(csv.body.dialect).toEqual({
      ...{
        delimiter: ',',
        quote: '"',
        escape: '"',
        quotes: 'strict',
        header: true,
        comment: null,
        skip_lines: 0,
        trim: false,
      },
    });
    const chosen = await tryOut(path, 'id;qty\n1;2\n', { delimiter: ';' }, sendsEmpty);
    expect(chosen.body.dialect).toMatchObject({ delimiter: ';', comment: null });
    const json = await tryOut(path, '{"id":"1","qty":2}\n', {}, sendsEmpty);
    expect([json.body.format, json.body.dialect]).toEqual(['ndjson', null]);
    if (path === '/jobs') {
      expect(csv.body.options).toEqual({
        ...{
          value_format: 'raw',
          compression: 'none',
          null_values: [],
          quoted_nulls: 'typed',
          quoted_empty: 'text',
          header_names: 'lenient',
          rename: {},
          normalize: {},
          ignore_header_case: false,
          on_broken: 'continue',
          csv_reader: 'auto',
          sinks: [],
          sink_when: 'success',
          max_sink_errors: 1000,
          on_conflict: 'update',
          expect: {},
        },
      });
      expect(csv.body.metadata).toEqual({});
      expect(await api.ended(csv.body.job_id)).toMatchObject({ state: 'SUCCESS', totals: { rows: 1 } });
    }
  });
});

describe('a form field that is empty', () => {
  async function send(fields: [string, string][], hasFile: boolean, path = '/jobs'): Promise<Answer> {
    const form = new FormData();
    for (const [name, value] of fields) form.append(name, value);
    if (hasFile) form.append('file', new Blob(['id,qty\n1,2\n']), 'orders.csv');
    return post(path, form);
  }

  it('counts as one that was not given, but for metadata', async () => {
    const { status, body } = await send(
      [
        ['model_id', 'orders'],
        ['metadata.note', ''],
        ['rename', ''],
      ],
      true,
    );
    expect([status, body.metadata]).toEqual([202, { note: '' }]);
    expect((await send([['model_id', '']], true)).body).toMatchObject({ error: 'MISSING_MODEL_ID' });
    expect((await send([['model_id', '']], true, '/jobs?model_id=orders')).status).toBe(202);
    expect((await send([['nonsense', 'x']], true)).body).toMatchObject({ error: 'INVALID_OPTION' });
  });

  it('is still a file that is missing, unless another job has it', async () => {
    const without = await send(
      [
        ['model_id', 'orders'],
        ['file', ''],
        ['from_job', ''],
      ],
      false,
    );
    expect(without.body).toMatchObject({ error: 'MISSING_FILE', detail: expect.stringMatching(/plain field/) });
    const kept = await send(
      [
        ['model_id', 'orders'],
        ['file', ''],
        ['from_job', 'a1b2c3d4'],
      ],
      false,
    );
    expect(kept.body).toMatchObject({ error: 'JOB_NOT_FOUND' });
  });

  it('is a mistake in the query', async () => {
    expect((await send([], true, '/jobs?model_id=orders&delimiter=')).body).toMatchObject({ error: 'INVALID_OPTION' });
  });
});
