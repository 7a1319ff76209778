import { mkdir, rm, writeFile } from 'node:fs/promises';
import {
  answer,
  answerProblem,
  contract,
  jobFailed,
  jobPartial,
  jobPending,
  jobRunning,
  problem,
} from '../sdk/contract.js';
import { Bundle, type RunOptions } from './support/bundle.js';
import { Service } from './support/service.js';

const model = contract.components.examples.ModelOrders.value;
const CSV = 'id,qty\n1,3\n';
const done = { ...jobPartial(), state: 'SUCCESS' as const, totals: { rows: 2, ok: 2, errors: 0 } };
const cancelled = contract.components.examples.JobCancelled.value;

let bundle: Bundle;
let service: Service;
beforeAll(async () => {
  bundle = await Bundle.build();
  await writeFile(bundle.path('orders.csv'), CSV);
  await writeFile(bundle.path('orders.json'), '{"id":"String"}');
  await writeFile(bundle.path('broken.json'), '{"id":');
});
afterAll(() => bundle.remove());
beforeEach(async () => {
  service = await Service.start();
});
afterEach(() => service.close());

function batch(command: string, options: RunOptions = {}) {
  return bundle.run(command.split(' '), { ...options, env: { BATCH_API_URL: service.url, ...options.env } });
}

async function json(command: string, options?: RunOptions) {
  const { code, stdout, stderr } = await batch(command, options);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('on a pipe, batch', () => {
  it('prints what the service answered, as JSON and nothing else', async () => {
    service.routes = {
      'POST /models': (response) => answer(response, 201, model),
      'GET /models': (response) => answer(response, 200, [model]),
      'GET /models/orders': (response) => answer(response, 200, model),
      'GET /models/orders/versions/3': (response) => answer(response, 200, { ...model, version: 3 }),
      'PUT /models/orders': (response) => answer(response, 200, { ...model, version: 2 }),
      'DELETE /models/orders': (response) => response.writeHead(204).end(),
      'POST /jobs': (response) => answer(response, 202, jobPending()),
      'GET /jobs': (response) => answer(response, 200, [jobPending()]),
      'GET /jobs/a1b2c3d4': (response) => answer(response, 200, jobRunning()),
      'DELETE /jobs/a1b2c3d4': (response) => answer(response, 202, cancelled),
      'POST /jobs/a1b2c3d4/resume': (response) => answer(response, 202, jobPending()),
    };
    expect(await json('model create orders orders.json')).toEqual(model);
    expect(await json('model list')).toEqual([model]);
    expect(await json('model describe orders')).toEqual(model);
    expect(await json('model describe orders --version 3')).toEqual({ ...model, version: 3 });
    expect(await json('model update orders orders.json --name Orders')).toEqual({ ...model, version: 2 });
    expect(JSON.parse(service.seen.at(-1)?.body ?? '')).toEqual({ name: 'Orders', schema: { id: 'String' } });
    expect(await json('model delete orders')).toEqual({ deleted: 'orders' });
    expect(await json('job create orders orders.csv')).toEqual(jobPending());
    expect(await json('job list')).toEqual([jobPending()]);
    expect(await json('job status a1b2c3d4')).toEqual(jobRunning());
    expect(await json('job cancel a1b2c3d4')).toEqual(cancelled);
    expect(await json('job resume a1b2c3d4')).toEqual(jobPending());
    expect(await json('job purge a1b2c3d4 --force')).toEqual({ purged: 'a1b2c3d4' });
    expect(service.seen.at(-1)?.url).toBe('/jobs/a1b2c3d4?purge=true&force=true');
  });

  it('is part of the trace of what runs it', async () => {
    const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    await batch('job create orders orders.csv', { env: { TRACEPARENT } });
    expect(service.seen[0]?.headers['traceparent']).toBe(TRACEPARENT);
  });

  it('prints tables where it is told to', async () => {
    service.routes['GET /jobs'] = (response) => answer(response, 200, [done]);
    const { stdout } = await batch('job list --output table');
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(/^JOB {7}MODEL {3}STATE {4}TOTAL {2}OK {2}ERRORS {2}PROGRESS {9}PROCESSING +AGE {2}FILE$/),
      expect.stringMatching(
        /^a1b2c3d4 {2}orders {2}SUCCESS {6}2 {3}2 {7}0 {2}\[########\] 100% {6}862 ms +\d+ d {2}orders.csv$/,
      ),
    ]);
  });

  it('prints each change of a watched job as one line of JSON, and exits 0 however the job ends', async () => {
    const answers = [jobPending(), jobRunning(), jobRunning(), jobFailed()];
    service.routes['GET /jobs/a1b2c3d4'] = (response) => answer(response, 200, answers.shift());
    const { code, stdout } = await batch('job status a1b2c3d4 --watch');
    const states = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).state);
    expect([code, states]).toEqual([0, ['PENDING', 'RUNNING', 'FAILED']]);
  });
});

describe('batch model create', () => {
  beforeEach(() => {
    service.routes['POST /models'] = (response) => answer(response, 201, model);
  });

  it('reads the schema from a file or from standard input, with a byte order mark or without', async () => {
    await json('model create Orders orders.json --id orders');
    await json('model create orders -', { input: '\uFEFF{"id":"String"}' });
    await json('model create orders orders.json --sinks clickhouse,postgres');
    expect(service.seen.map(({ body }) => JSON.parse(body))).toEqual([
      { id: 'orders', name: 'Orders', schema: { id: 'String' } },
      { name: 'orders', schema: { id: 'String' } },
      { name: 'orders', schema: { id: 'String' }, sinks: ['clickhouse', 'postgres'] },
    ]);
  });

  it('says which file is not JSON, or cannot be read', async () => {
    const broken = await batch('model create orders broken.json --output table');
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/^INVALID_JSON: 'broken\.json' is not JSON: .+\nhint: /);
    const gone = await batch('model create orders gone.json --output table');
    expect(gone.code).toBe(1);
    expect(gone.stderr).toMatch(/^FILE_NOT_READABLE: cannot read 'gone\.json': there is no such file\nhint: /);
    expect(service.seen).toEqual([]);
  });
});

describe('batch model update', () => {
  it.each([
    ['clickhouse', ['clickhouse']],
    ['none', []],
    ['default', null],
  ])('gives the model the sinks %s', async (text, sinks) => {
    service.routes['PUT /models/orders'] = (response) => answer(response, 200, model);
    await json(`model update orders orders.json --sinks ${text}`);
    expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({ schema: { id: 'String' }, sinks });
  });

  it('names the sinks that there are if it is given another one', async () => {
    const { code, stderr } = await batch('model update orders orders.json --sinks oracle --output table');
    expect([code, stderr]).toEqual([64, expect.stringContaining('Sinks are clickhouse, postgres, none, or default')]);
    expect(service.seen).toEqual([]);
  });
});

describe('batch model infer', () => {
  const inferred = contract.components.examples.InferredOrders.value;
  beforeEach(() => {
    service.routes['POST /models/infer'] = (response) => answer(response, 200, inferred);
    service.routes['POST /models'] = (response) => answer(response, 201, model);
  });

  it('prints on a pipe the schema alone, which model create takes', async () => {
    const { stdout, code } = await batch('model infer orders.csv');
    expect([code, JSON.parse(stdout)]).toEqual([0, inferred.schema]);
    await json('model create orders -', { input: stdout });
    expect(JSON.parse(service.seen.at(-1)?.body ?? '').schema).toEqual(inferred.schema);
  });

  it('prints everything where it is asked for', async () => {
    expect(await json('model infer orders.csv --output json')).toEqual(inferred);
    expect(await json('model infer - --output json --schema-only', { input: CSV })).toEqual(inferred.schema);
    const { stdout } = await batch('model infer orders.csv --output table');
    expect(stdout).toBe(
      [
        '2 rows',
        '',
        'COLUMN  TYPE   NULLABLE  WHY                                          EXAMPLES',
        'id      Int32  no        whole numbers of up to 1 digit               1, 2',
        "qty     Int32  yes, 1    whole numbers of up to 1 digit; null: 'N/A'  3",
        '',
        '{',
        '  "id": "Int32",',
        '  "qty": "Nullable(Int32)"',
        '}',
        '',
      ].join('\n'),
    );
  });

  it('sends the options in the contract’s spelling', async () => {
    await json('model infer orders.csv --delimiter ; --no-header --null-values NULL,- --sample-rows 9 --output json');
    const body = service.seen.at(-1)?.body ?? '';
    const fields = [...body.matchAll(/name="(\w+)"\r\n\r\n(.*)\r\n/g)].map(([, name, value]) => `${name}=${value}`);
    expect(fields).toEqual(['delimiter=;', 'header=false', 'null_values=NULL,-', 'sample_rows=9']);
    for (const flags of [
      '--null-values-in a=b=c,- --null-values-in d=x',
      '--null-values {"a":["b=c","-"],"d":["x"]}',
    ]) {
      await json(`model infer orders.csv ${flags} --quoted-nulls all --output json`);
      const sent = service.seen.at(-1)?.body ?? '';
      expect(sent).toContain('name="null_values"\r\n\r\n{"a":["b=c","-"],"d":["x"]}\r\n');
      expect(sent).toContain('name="quoted_nulls"\r\n\r\nall\r\n');
    }
    const before = service.seen.length;
    for (const wrong of ['--null-values-in NA', '--null-values {a', '--null-values NA --null-values-in a=NA']) {
      expect((await batch(`model infer orders.csv ${wrong}`)).code).toBe(64);
    }
    expect(service.seen).toHaveLength(before);
  });
});

describe('batch job create', () => {
  it('takes the file that another job keeps, or another one, and not both or neither', async () => {
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    await json('job create orders --from a1b2c3d4 --delimiter ;');
    const fields = [...(service.seen[0]?.body ?? '').matchAll(/name="([^"]+)"\r\n\r\n(.*)\r\n/g)];
    expect(fields.map(([, name, value]) => `${name}=${value}`)).toEqual([
      'model_id=orders',
      'from_job=a1b2c3d4',
      'delimiter=;',
    ]);
    const both = await batch('job create orders orders.csv --from a1b2c3d4 --output table');
    expect([both.code, both.stderr]).toEqual([64, expect.stringMatching(/^USAGE: .+\nhint: /)]);
    const inferred = await batch('job create orders --from a1b2c3d4 --infer --output table');
    expect([inferred.code, inferred.stderr]).toEqual([1, expect.stringMatching(/^INVALID_OPTION: .+\nhint: /)]);
    expect(service.seen.filter(({ body }) => body.includes('model_id'))).toHaveLength(1);
  });

  it('names a file that the service reads, and has control totals', async () => {
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    const totals = `--expect rows=2 --expect sha256=${'A'.repeat(64)}`;
    await json(`job create orders s3://bucket/a.csv --delimiter ; --null-values NULL,- ${totals} --metadata day=1`);
    expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({
      model_id: 'orders',
      source: { uri: 's3://bucket/a.csv' },
      options: { delimiter: ';', null_values: ['NULL', '-'], expect: { rows: 2, sha256: 'a'.repeat(64) } },
      metadata: { day: '1' },
    });
    for (const uri of ['file:///data/a.csv', 'GS://b/a', 'az://a/c/n', 'https://host/a.csv']) {
      await json(`job create orders ${uri}`);
      expect(JSON.parse(service.seen.at(-1)?.body ?? '')).toMatchObject({ source: { uri } });
    }
    const before = service.seen.length;
    const unknown = await batch('job create orders ftp://host/a.csv --output table');
    expect([unknown.code, unknown.stderr]).toEqual([64, expect.stringMatching(/^INVALID_SOURCE: 'ftp:'.+\nhint: /)]);
    const inferred = await batch('job create orders s3://bucket/a.csv --infer --output table');
    expect([inferred.code, inferred.stderr]).toEqual([1, expect.stringMatching(/^INVALID_OPTION: .+\nhint: /)]);
    for (const wrong of ['rows=x', 'rows=1 --expect rows=2', 'sha256=ab', 'lines=1']) {
      expect((await batch(`job create orders orders.csv --expect ${wrong}`)).code).toBe(64);
    }
    expect(service.seen).toHaveLength(before);
  });

  it('sends the options in the contract’s spelling', async () => {
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    await json(
      'job create orders orders.csv --rename a=b=id --rename Qty=qty --normalize a=b=trim,lowercase --format csv --delimiter \\t --quote | --no-header --metadata a=1 --metadata b=x=y ' +
        '--value-format json --compression zstd --null-values NULL,N/A --ignore-header-case --csv-reader reference',
    );
    const { body, headers } = service.seen[0]!;
    const fields = [...body.matchAll(/name="([^"]+)"\r\n\r\n(.*)\r\n/g)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(fields)).toEqual({
      model_id: 'orders',
      format: 'csv',
      delimiter: '\t',
      quote: '|',
      header: 'false',
      value_format: 'json',
      compression: 'zstd',
      null_values: 'NULL,N/A',
      rename: '{"a=b":"id","Qty":"qty"}',
      ignore_header_case: 'true',
      normalize: '{"a=b":["trim","lowercase"]}',
      csv_reader: 'reference',
      'metadata.a': '1',
      'metadata.b': 'x=y',
    });
    expect(headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(body).toContain(`filename="orders.csv"`);
  });

  describe('with --infer', () => {
    const inferred = contract.components.examples.InferredOrders.value;
    beforeEach(() => {
      service.routes['POST /models/infer'] = (response) => answer(response, 200, inferred);
      service.routes['POST /models'] = (response) => answer(response, 201, model);
      service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    });
    const field = (body: string, name: string) => new RegExp(`name="${name}"\r\n\r\n(.*)\r\n`).exec(body)?.[1];

    it('creates the model first, and tells the job what it needs', async () => {
      const job = await json('job create orders orders.csv --infer --delimiter auto --value-format json');
      expect(job).toEqual(jobPending());
      const [infer, create, upload] = service.seen;
      expect(service.seen.map(({ url }) => url)).toEqual(['/models/infer', '/models', '/jobs']);
      expect([field(infer!.body, 'delimiter'), field(infer!.body, 'value_format')]).toEqual(['auto', undefined]);
      expect(JSON.parse(create!.body)).toEqual({ id: 'orders', name: 'orders', schema: inferred.schema });
      const told = ['model_id', 'delimiter', 'null_values', 'value_format'].map((name) => field(upload!.body, name));
      expect(told).toEqual(['orders', ',', '{"qty":["N/A"]}', 'json']);
    });

    function answerInfer(found: object | 'HEADER_MISMATCH'): void {
      service.routes['POST /models/infer'] = (response) => {
        if (found === 'HEADER_MISMATCH') answerProblem(response, 'HEADER_MISMATCH');
        else answer(response, 200, { ...inferred, ...found });
      };
    }
    const broken = { rows_sampled: 1, rows_rejected: 2 };

    it('tells the job how the file is written, as it was found', async () => {
      const dialect = {
        delimiter: '\t',
        quote: "'",
        escape: '\\',
        header: false,
        comment: '#',
        skip_lines: 2,
        trim: true,
      };
      answerInfer({ dialect, encoding: 'windows-1252' });
      await json('job create orders orders.csv --infer');
      const { body } = service.seen[2]!;
      const told = [
        'delimiter',
        'quote',
        'escape',
        'header',
        'comment',
        'skip_lines',
        'trim',
        'encoding',
        'null_values',
      ];
      const expected = ['\t', "'", '\\', 'false', '#', '2', 'true', 'windows-1252', '{"qty":["N/A"]}'];
      expect(told.map((name) => field(body, name))).toEqual(expected);
    });

    it('creates nothing if more rows are broken than good, and names the options to try', async () => {
      answerInfer(broken);
      const { code, stderr } = await batch('job create orders orders.csv --infer --delimiter | --output table');
      expect([code, service.seen.map(({ url }) => url)]).toEqual([1, ['/models/infer']]);
      expect(stderr).toMatch(/INVALID_OPTION: .*2 of 3 rows are broken.*\nhint: .*--delimiter.*--quote.*--encoding/);
    });

    it('creates nothing from JSON of which more rows are broken than good', async () => {
      answerInfer({ ...broken, format: 'ndjson', dialect: null, detection: null });
      const { code, stderr } = await batch('job create orders orders.csv --infer --output table');
      expect([code, service.seen.map(({ url }) => url)]).toEqual([1, ['/models/infer']]);
      expect(stderr).toMatch(/INVALID_OPTION: .*2 of 3 rows are broken.*\nhint: .*--format/);
    });

    it('ends with the problem if the file tells nothing', async () => {
      answerInfer('HEADER_MISMATCH');
      const { code, stderr } = await batch('job create orders orders.csv --infer --output table');
      expect([code, service.seen.map(({ url }) => url)]).toEqual([1, ['/models/infer']]);
      expect(stderr).toMatch(/^HEADER_MISMATCH: /);
    });

    it('leaves a model alone that is there, and starts no job', async () => {
      service.routes['POST /models'] = (response) => answerProblem(response, 'MODEL_ALREADY_EXISTS');
      const { code, stderr } = await batch('job create orders orders.csv --infer --output table');
      expect([code, service.seen.map(({ url }) => url)]).toEqual([1, ['/models/infer', '/models']]);
      expect(stderr).toMatch(
        /^MODEL_ALREADY_EXISTS: .+\nhint: Choose another id, or use the existing model: batch job create orders FILE --null-values-in qty=N\/A\n/,
      );
    });

    it.each(['- --infer', 'orders.csv --infer --rename a=id'])('refuses what cannot be: %s', async (rest) => {
      const { code, stderr } = await batch(`job create orders ${rest} --output table`, { input: CSV });
      expect([code, service.seen]).toEqual([1, []]);
      expect(stderr).toMatch(/^INVALID_OPTION: --infer .+\nhint: /);
    });
  });

  it('uploads standard input', async () => {
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    await json('job create orders -', { input: CSV });
    expect(service.seen[0]?.body).toContain(`filename="stdin"`);
    expect(service.seen[0]?.body).toContain(CSV);
  });

  it('ends when the service refuses what is still being typed into standard input', async () => {
    service.routes['POST /jobs'] = (response, _seen, request) => {
      answerProblem(response, 'MODEL_NOT_FOUND');
      request.resume();
    };
    const { code, stderr } = await batch('job create nope - --output table');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^MODEL_NOT_FOUND: There is no model/);
  });

  it('sends the file again when the answer is lost', async () => {
    service.routes['POST /jobs'] = (response) => {
      if (service.seen.length === 1) response.socket?.destroy();
      else answer(response, 200, jobPending(), { 'idempotency-replayed': 'true' });
    };
    const { code, stdout, stderr } = await batch('job create orders orders.csv');
    expect([code, JSON.parse(stdout).job_id]).toEqual([0, 'a1b2c3d4']);
    expect(JSON.parse(stderr).message).toMatch(
      /^the connection to .+ broke .+; trying again in .+ s, for 60 s at most$/,
    );
    expect(new Set(service.seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(service.seen).toHaveLength(2);
  });

  it.each([
    ['gone.csv', "FILE_NOT_READABLE: cannot read 'gone.csv': there is no such file\n"],
    ['bin', "FILE_NOT_READABLE: cannot read 'bin': it is a directory\n"],
    ['orders.csv --max 10', "FILE_TOO_LARGE: 'orders.csv' has 11 bytes; the limit is 10\n"],
  ])('refuses %s before it connects', async (file, message) => {
    const { code, stderr } = await batch(`job create orders ${file} --output table`);
    expect([code, stderr.slice(0, message.length)]).toEqual([1, message]);
    expect(service.seen).toEqual([]);
  });
});

describe('batch job list', () => {
  it('filters, and takes no more than it was asked for', async () => {
    const jobs = [jobPending(), jobRunning(), jobPartial()];
    service.routes['GET /jobs'] = (response) => answer(response, 200, jobs, { link: '</jobs?cursor=abc>; rel="next"' });
    expect(await json('job list --state pending --model orders --limit 2')).toHaveLength(2);
    expect(service.seen.map(({ url }) => url)).toEqual(['/jobs?state=PENDING&model_id=orders&limit=3']);
    await json('job list --state failed --resumable --limit 2');
    expect(service.seen.at(-1)?.url).toBe('/jobs?state=FAILED&resumable=true&limit=3');
  });
});

describe('batch job rejected', () => {
  const [row] =
    contract.paths['/jobs/{id}/rejected'].get.responses['200'].content['application/json'].examples.one.value;
  const error = { column: null, type: null, error: 'RAGGED_ROW', observed: null, message: '3 fields, not 2' };
  const ragged = { ...row, row_number: 18, line: 20, error: error.error, errors: [error], raw_data: '1,"a, b",3' };

  function serve(rows: unknown[]) {
    service.routes['GET /jobs/a1b2c3d4/rejected'] = (response, { url }) => {
      const from = Number(new URL(url, 'http://any').searchParams.get('cursor') ?? 0);
      const link: Record<string, string> =
        from + 1 < rows.length ? { link: `</jobs/a1b2c3d4/rejected?cursor=${from + 1}>; rel="next"` } : {};
      answer(response, 200, rows.slice(from, from + 1), link);
    };
  }

  it('prints the rows of all pages as JSON', async () => {
    serve([row, ragged]);
    expect(await json('job rejected a1b2c3d4')).toEqual([row, ragged]);
    serve([]);
    expect(await json('job rejected a1b2c3d4')).toEqual([]);
  });

  it('prints them as lines of JSON, as CSV and as a table', async () => {
    serve([row, ragged]);
    const ndjson = await batch('job rejected a1b2c3d4 --format ndjson');
    expect(ndjson.stdout).toBe(`${JSON.stringify(row)}\n${JSON.stringify(ragged)}\n`);
    const csv = await batch('job rejected a1b2c3d4 --format csv');
    expect(csv.stdout.split('\r\n')).toEqual([
      'row_number,line,column,type,error,observed,message,raw_data',
      `17,18,qty,Int32,NOT_AN_INTEGER,3.14,column 'qty': '3.14' is not an Int32,"17,3.14"`,
      '18,20,,,RAGGED_ROW,,"3 fields, not 2","1,""a, b"",3"',
      '',
    ]);
    const table = await batch('job rejected a1b2c3d4 --format table');
    expect(table.stdout).toBe(
      'ROW  LINE  COLUMN  TYPE   ERROR           OBSERVED  MESSAGE\n' +
        " 17    18  qty     Int32  NOT_AN_INTEGER  3.14      '3.14' is not an Int32\n" +
        ' 18    20                 RAGGED_ROW                3 fields, not 2\n',
    );
  });

  it('prints them as a file to correct, and names the rows that are not in it', async () => {
    const open = { ...row, row_number: 19, raw_data: '19,"4' };
    serve([row, open, ragged]);
    service.routes['GET /jobs/a1b2c3d4'] = (response) =>
      answer(response, 200, { ...jobPartial(), encoding: 'windows-1252', file_columns: ['id', 'qty, €'] });
    const { code, stdout, stderr } = await batch('job rejected a1b2c3d4 --format file --output table');
    // The CLI's output is read as UTF-8 here, in which the euro of windows-1252 is nothing.
    expect([code, stdout]).toEqual([0, 'id,"qty, \uFFFD"\n17,3.14\n1,"a, b",3\n']);
    expect(stderr).toBe('Skipped row 19: it opens a quote that is not closed, and would take the rows behind it\n');
    const few = await batch('job rejected a1b2c3d4 --format file --limit 1');
    expect([few.stdout, few.stderr]).toEqual(['id,"qty, \uFFFD"\n17,3.14\n', '']);
    serve(Array.from({ length: 22 }, () => open));
    const { stderr: many } = await batch('job rejected a1b2c3d4 --format file');
    const events = jsonValues(many);
    expect(events).toHaveLength(21);
    expect(events[0]).toMatchObject({ row_number: 19, message: expect.stringContaining('row 19') });
    expect(events.at(-1)).toEqual({ message: 'Skipped 22 rows in all' });
  });

  it('stops at the limit, and prints a header even without a row', async () => {
    serve([row, ragged]);
    expect(await json('job rejected a1b2c3d4 --limit 1')).toEqual([row]);
    serve([]);
    expect((await batch('job rejected a1b2c3d4 --format csv')).stdout).toMatch(/^row_number,[^\n]*\r\n$/);
  });
});

/** JSON values one behind the other: events in a line each, and an error over several lines behind them. */
function jsonValues(text: string): unknown[] {
  return text
    .split(/\n(?=\{)/)
    .filter((value) => value !== '')
    .map((value) => JSON.parse(value));
}

describe('the exit code', () => {
  it.each([
    ['SUCCESS', 0, done],
    ['PARTIAL_SUCCESS', 2, jobPartial()],
    ['FAILED', 1, jobFailed()],
    ['CANCELLED', 1, cancelled],
  ])('of waiting for a job that ends %s is %d', async (_, code, job) => {
    service.routes = {
      'POST /jobs': (response) => answer(response, 202, jobPending()),
      'GET /jobs/a1b2c3d4': (response) => answer(response, 200, job),
    };
    for (const command of ['job wait a1b2c3d4', 'job create orders orders.csv --wait']) {
      const result = await batch(command);
      expect([result.code, JSON.parse(result.stdout)]).toEqual([code, job]);
      const { error } = job;
      const message = 'Job a1b2c3d4 accepted; if this command is interrupted, run: batch job wait a1b2c3d4';
      expect(jsonValues(result.stderr)).toEqual([
        ...(command.includes('create') ? [{ job_id: 'a1b2c3d4', message }] : []),
        ...(error ? [{ error: error.code, message: error.message, hint: error.hint }] : []),
      ]);
    }
  });

  it.each([
    'job',
    'job create orders',
    'job create orders orders.csv extra',
    'job create orders orders.csv --bogus',
    'job create orders orders.csv --delimiter ;;',
    'job create orders orders.csv --metadata novalue',
    'job create orders orders.csv --metadata a=1 --metadata a=2',
    'job create orders orders.csv --format xml',
    'job create orders orders.csv --value-format xml',
    'job create orders orders.csv --compression lz4',
    'job create orders orders.csv --csv-reader kernel',
    'job list --limit 0',
    'job list --max-outage soon',
    'job create orders orders.csv --idempotency-key é',
    'job list --state SLEEPING',
    'job stats a1b2c3d4',
    'job list --output yaml',
    'job list --api-url ftp://example.org',
    'nonsense',
  ])('of `batch %s` is 64, and nothing is sent', async (command) => {
    const { code, stdout, stderr } = await batch(`${command} --output table`.replace('yaml --output table', 'yaml'));
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(
      command === 'job' ? /^Usage: batch job/ : command.endsWith('yaml') ? /"error": "USAGE"/ : /^USAGE: /,
    );
    expect(service.seen).toEqual([]);
  });

  it('of help and of the version is 0', async () => {
    for (const command of ['--help', 'job --help', 'job create --help', 'help job', '--version']) {
      const { code, stdout, stderr } = await batch(command);
      expect([command, code, stderr]).toEqual([command, 0, '']);
      expect(stdout).not.toBe('');
    }
  });
});

describe('an error', () => {
  it('is a code, a message and a hint', async () => {
    service.routes['GET /jobs/zzzzzzzz'] = (response) => answerProblem(response, 'JOB_NOT_FOUND');
    expect(await batch('job status zzzzzzzz --output table')).toEqual({
      code: 1,
      stdout: '',
      stderr: "JOB_NOT_FOUND: There is no job 'a1b2c3d5'\nhint: List the jobs with `batch job list`.\n",
    });
  });

  it('is the problem itself with JSON output', async () => {
    service.routes['GET /jobs/zzzzzzzz'] = (response) => answerProblem(response, 'JOB_NOT_FOUND');
    const { code, stdout, stderr } = await batch('job status zzzzzzzz');
    expect([code, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr)).toEqual(problem('JOB_NOT_FOUND'));
  });

  it('names the request where the service is at fault', async () => {
    service.routes['GET /jobs'] = (response) => answerProblem(response, 'INTERNAL_ERROR');
    const { stderr } = await batch('job list --output table');
    expect(stderr).toContain('request_id: 8f14e45f-ceea-467f-a8b3-5c1c8a1f2d10');
  });

  it('says which address does not answer and what to do about it', async () => {
    const { url } = service;
    await service.close();
    const { code, stderr } = await batch('job list --output table');
    expect([code, stderr]).toEqual([
      1,
      `CONNECTION_FAILED: nothing answers at ${url} (ECONNREFUSED)\n` +
        'hint: Start the service with `scripts/up.sh`, or name another one with --api-url or BATCH_API_URL.\n',
    ]);
  });

  it('says so where something else answers', async () => {
    service.routes['GET /jobs'] = (response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<h1>It works!</h1>');
    };
    const { code, stderr } = await batch('job list --output table');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^UNEXPECTED_RESPONSE: .*answered 200 with text\/html/);
  });
});

describe('batch health', () => {
  const examples = contract.paths['/readyz'].get.responses;
  it.each([
    ['200', 'ready', 0, /is ready\n\nCOMPONENT +STATUS/],
    ['200', 'degraded', 0, /is ready, but degraded\n\nCOMPONENT +STATUS +MESSAGE\njob_events +degraded +Nothing/],
    ['503', 'kafkaDown', 1, /is not ready \(error\)\n\nCOMPONENT +STATUS/],
  ])('answers a report of status %s (%s) with its parts and an exit code', async (status, name, code, shown) => {
    const report = examples[status].content['application/json'].examples[name].value;
    service.routes['GET /readyz'] = (response) => answer(response, Number(status), report);
    const result = await batch('health');
    expect(result.code).toBe(code);
    expect(JSON.parse(result.stdout)).toEqual({ url: service.url, status: report.status, details: report.details });
    expect((await batch('health --output table')).stdout).toMatch(shown);
  });
});

describe('batch doctor', () => {
  const GOOD = { check: 'brokers', status: 'ok', message: '3 of 3 servers of KAFKA_BROKERS answer', fix: null };
  const POLICY = { check: 'queue_policy', status: 'warning', message: 'it may drop', fix: 'redis-cli CONFIG SET' };
  const AWAY = { check: 'store', status: 'error', message: 'it does not answer', fix: 'Start it.' };
  const UNTOLD = { check: 'clock', status: 'unknown', message: 'not told', fix: null };

  it.each([
    ['ok', [GOOD], 0],
    ['warning', [GOOD, POLICY, UNTOLD], 2],
    ['error', [AWAY, POLICY], 1],
  ])('of the status %s answers with the findings and an exit code', async (status, findings, code) => {
    service.routes['GET /diagnostics'] = (response) => answer(response, 200, { status, findings });
    const result = await batch('doctor');
    expect([result.code, JSON.parse(result.stdout)]).toEqual([code, { status, findings }]);
  });

  it('reads without colours', async () => {
    const findings = [GOOD, POLICY, UNTOLD, AWAY];
    service.routes['GET /diagnostics'] = (response) => answer(response, 200, { status: 'error', findings });
    expect((await batch('doctor --output table')).stdout).toBe(
      [
        '✓ ok       brokers       3 of 3 servers of KAFKA_BROKERS answer',
        '! warning  queue_policy  it may drop',
        '                         fix: redis-cli CONFIG SET',
        '? unknown  clock         not told',
        '✗ error    store         it does not answer',
        '                         fix: Start it.',
        '',
      ].join('\n'),
    );
  });

  it('names what to run where the service runs, if that does not answer', async () => {
    const { code, stderr } = await batch('doctor --output table', { env: { BATCH_API_URL: 'http://127.0.0.1:9' } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^CONNECTION_FAILED: .*\n*hint: .*node dist\/main.js doctor\n$/);
  });
});

describe('batch admin', () => {
  it('backup says where the backup is', async () => {
    const backup = { file: '/data/backups/b.db', bytes: 1_421_312, created_at: '2026-11-20T09:15:00.000Z' };
    service.routes['POST /backups'] = (response) => answer(response, 201, backup);
    const asJson = await batch('admin backup');
    expect([asJson.code, JSON.parse(asJson.stdout)]).toEqual([0, backup]);
    const { stdout } = await batch('admin backup --output table');
    expect(stdout).toBe('/data/backups/b.db (1.4 MiB, on the machine of the service)\n');
  });

  it('restore starts the installed service with the path of the backup and its exit code', async () => {
    const missing = await batch('admin restore b.db --output table');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/^NOT_INSTALLED: .*\nhint: .*node dist\/main.js restore FILE\n$/);
    await writeFile(bundle.path('dist/main.js'), 'console.log(process.argv.slice(2).join(" ")); process.exit(3);');
    try {
      const { code, stdout } = await batch('admin restore b.db');
      expect([code, stdout]).toEqual([1, `restore ${bundle.path('b.db')}\n`]);
    } finally {
      await rm(bundle.path('dist/main.js'));
    }
  });
});

describe('the address of the service', () => {
  beforeEach(async () => {
    service.routes['GET /models'] = (response) => answer(response, 200, []);
    await mkdir(bundle.path('.run'), { recursive: true });
  });
  afterEach(() => rm(bundle.path('.run'), { recursive: true, force: true }));
  const nowhere = 'http://127.0.0.1:9';

  it('is --api-url before anything else', async () => {
    const { code } = await batch(`--api-url ${service.url} model list`, { env: { BATCH_API_URL: nowhere } });
    expect(code).toBe(0);
  });

  it('is BATCH_API_URL before what up.sh wrote', async () => {
    await writeFile(bundle.path('.run/env'), `BATCH_API_URL=${nowhere}\n`);
    expect((await batch('model list')).code).toBe(0);
  });

  it('is what up.sh wrote by default', async () => {
    await writeFile(
      bundle.path('.run/env'),
      `export KAFKA_BROKERS=127.0.0.1:9092\nexport BATCH_API_URL=${service.url}\n`,
    );
    expect((await batch('model list', { env: { BATCH_API_URL: '' } })).code).toBe(0);
  });
});

describe('a service that is away', () => {
  beforeEach(() => {
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
  });
  const breakOff: (typeof service.routes)[string] = (response) => response.socket?.destroy();

  it('is waited for by a wait, which ends with 75 and the command that goes on where it takes too long', async () => {
    service.routes['GET /jobs/a1b2c3d4'] = breakOff;
    const waits = ['job wait a1b2c3d4', 'job status a1b2c3d4 --watch', 'job create orders orders.csv --wait'];
    for (const command of waits) {
      const { code, stdout, stderr } = await batch(`${command} --max-outage 1 --output table`);
      expect([code, stdout]).toEqual([75, '']);
      expect(stderr.split('\n').slice(command.includes('create') ? 1 : 0)).toEqual([
        expect.stringMatching(/^the connection to .+ broke .+; the job keeps running; waiting 1 s for the service$/),
        expect.stringMatching(
          /^CONTACT_LOST: the connection to .+ broke .+; job a1b2c3d4 keeps running without this command$/,
        ),
        'hint: Wait again: batch job wait a1b2c3d4',
        '',
      ]);
    }
  });

  it('is told of once when it goes and once when it is back', async () => {
    let looks = 0;
    service.routes['GET /jobs/a1b2c3d4'] = (response) => {
      if (++looks < 4) response.socket?.destroy();
      else answer(response, 200, done);
    };
    const { code, stdout, stderr } = await batch('job wait a1b2c3d4');
    expect([code, JSON.parse(stdout)]).toEqual([0, done]);
    expect(jsonValues(stderr)).toEqual([
      { message: expect.stringMatching(/; the job keeps running; waiting 60 s for the service$/) },
      { message: expect.stringMatching(/^the service is back after \d+\.\d s$/) },
    ]);
  });

  it('keeps its address in the command that goes on', async () => {
    service.routes['GET /jobs/a1b2c3d4'] = breakOff;
    const { stderr } = await batch(`job wait a1b2c3d4 --max-outage 0 --output table --api-url ${service.url}`, {
      env: { BATCH_API_URL: 'http://127.0.0.1:1' },
    });
    expect(stderr).toContain(`hint: Wait again: batch job wait a1b2c3d4 --api-url ${service.url}\n`);
  });

  it('leaves an upload without an answer: 75, and the key with which it can be sent again', async () => {
    service.routes['POST /jobs'] = breakOff;
    const { code, stderr } = await batch('job create orders orders.csv --max-outage 0 --output table');
    const key = service.seen[0]?.headers['idempotency-key'];
    expect([code, stderr.split('\n').slice(1)]).toEqual([
      75,
      [`hint: Run the same command again with --idempotency-key ${key}: it cannot start a second job.`, ''],
    ]);
    expect(stderr).toMatch(/^CONTACT_LOST: .+; it is not known whether there is a job\n/);
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    await batch(`job create orders orders.csv --idempotency-key ${key}`);
    expect(service.seen[1]?.headers['idempotency-key']).toBe(key);
  });

  it('has started no job where it was not reached', async () => {
    await service.close();
    const { code, stderr } = await batch('job create orders orders.csv --max-outage 0 --output table');
    expect(code).toBe(75);
    expect(stderr).toMatch(/^CONTACT_LOST: nothing answers at .+; no job was started\nhint: Check the service with /);
  });
});

describe('an interruption', () => {
  it('of waiting says how to go on', async () => {
    service.routes['GET /jobs/a1b2c3d4'] = (response) => answer(response, 200, jobRunning());
    const waiting = batch('job status a1b2c3d4 --watch --output json', { when: ['RUNNING', (kill) => kill('SIGINT')] });
    const { code, stderr } = await waiting;
    expect(code).toBe(130);
    expect(JSON.parse(stderr)).toMatchObject({
      error: 'INTERRUPTED',
      message: 'job a1b2c3d4 keeps running. Wait again: batch job wait a1b2c3d4. Stop it: batch job cancel a1b2c3d4',
    });
  });

  it('of an upload says that no job was started', async () => {
    let arrived: () => void = () => undefined;
    const uploading = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    service.routes['POST /jobs'] = (_response, _seen, request) => {
      request.resume();
      arrived();
    };
    let stop: (signal: NodeJS.Signals) => void = () => undefined;
    const running = bundle.run(['job', 'create', 'orders', '-', '--output', 'table'], {
      env: { BATCH_API_URL: service.url },
      started: (kill) => {
        stop = kill;
      },
    });
    await uploading;
    stop('SIGINT');
    const { code, stderr } = await running;
    expect([code, stderr]).toEqual([130, 'INTERRUPTED: the upload was aborted; no job was started\n']);
  });
});

describe('a reader that has seen enough', () => {
  it('is not an error', async () => {
    service.routes['GET /jobs'] = (response) => answer(response, 200, Array(1000).fill(jobPending()));
    const { code, stdout, stderr } = await batch('job list --limit 1000', { closeStdoutAfter: 1 });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.length).toBeLessThan(500_000);
  });
});

describe('bin/batch', () => {
  it('says how to build what is not built', async () => {
    await rm(bundle.path('dist'), { recursive: true });
    const { code, stderr } = await batch('--help');
    expect(code).toBe(1);
    expect(stderr).toContain('npm ci && npm run build');
  });
});
