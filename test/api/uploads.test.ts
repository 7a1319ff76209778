import { createHash } from 'node:crypto';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { DATABASE, type Database } from '../../src/database/index.js';
import { HEAD_BYTES } from '../../src/ingest/detect/format.js';
import { type Answer, call, type Form, upload } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const CSV = 'id,qty\n1,2\n';
const MODEL: [string, string] = ['model_id', 'orders'];
const CHECKED = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
/** `id,qty\n1,2\n` three times, by a dictionary that is long gone. */
const ZSTD_BY_DICTIONARY = Buffer.from('28b52ffd234350a214218d00005869642c7174790a312c320a0100568a17', 'hex');
/** A window of 3.75 TiB is what this frame says that its reader needs (RFC 8878, section 3.1.1.1.2). */
const VAST_ZSTD = Buffer.from('28b52ffd00ff010000', 'hex');

/** Those that only CSV has, some with their defaults. */
const CSV_OPTIONS: [string, string][] = [
  ['delimiter', ','],
  ['quote', '"'],
  ['escape', '\\'],
  ['comment', '#'],
  ['skip_lines', '0'],
  ['trim', 'false'],
  ['header', 'true'],
  ['null_values', 'NULL'],
  ['quoted_nulls', 'typed'],
  ['quoted_empty', 'text'],
  ['header_names', 'lenient'],
  ['ignore_header_case', 'false'],
  ['on_broken', 'continue'],
  ['csv_reader', 'auto'],
];

/** Every option of CSV that has a default, as that. */
const CSV_DEFAULTS: [string, string][] = [
  ...CSV_OPTIONS.filter(([name]) => !['escape', 'comment', 'null_values'].includes(name)),
  ['escape', '"'],
  ['format', 'auto'],
  ['encoding', 'auto'],
  ['value_format', 'raw'],
  ['compression', 'none'],
  ['rename', '{}'],
];

const sha256 = (file: string | Uint8Array): string => createHash('sha256').update(file).digest('hex');

describe('an upload', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await startTestApp({ MAX_UPLOAD_BYTES: '100000' });
    await server.createModel('orders');
    await server.createModel('others');
  });
  beforeEach(() => {
    server.kafka.up = true;
  });
  afterAll(() => server.close());

  /** The answer is this problem, and neither a file nor topics are left of the upload. */
  async function refused(form: Form, status: number, code: string, detail: RegExp = /./): Promise<Answer> {
    const files = await server.spooled();
    const topics = server.kafka.topics.size;
    const answer = await upload(server, form);
    expect(answer.body).toMatchObject({ status, error: code, detail: expect.stringMatching(detail) });
    expect(answer.status).toBe(status);
    expect(await server.spooled()).toEqual(files);
    expect(server.kafka.topics.size).toBe(topics);
    return answer;
  }

  it('becomes a job with its file in the spool and its topics', async () => {
    const { status, headers, body } = await upload(server, { fields: [MODEL], file: CSV, filename: 'orders.csv' });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/jobs/${body.job_id}`);
    expect(body).toMatchObject({
      job_id: expect.stringMatching(/^[a-z0-9]{8}$/),
      model_id: 'orders',
      model_version: 1,
      state: 'PENDING',
      revision: 1,
      attempt: 1,
      filename: 'orders.csv',
      format: 'csv',
      size_bytes: CSV.length,
      sha256: sha256(CSV),
      metadata: {},
      file_columns: null,
      dialect: { delimiter: ',', quote: '"', header: true },
      options: {
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
      },
      topics: { data: `batch_${body.job_id}`, dlq: `batch_${body.job_id}_dlq` },
    });
    expect(await server.spooled()).toContain(body.job_id);
    expect(server.kafka.topics).toContain(body.topics.data);
    expect((await call(server, `/jobs/${body.job_id}`)).body).toMatchObject({ job_id: body.job_id });
  });

  it.each<[string, Form]>([
    ['before the file', { fields: [MODEL, ['delimiter', ';'], ['metadata.source', 'crm']], file: CSV }],
    ['after the file', { file: CSV, after: [MODEL, ['delimiter', ';'], ['metadata.source', 'crm']] }],
    ['in the query', { file: CSV, query: '?model_id=orders&delimiter=%3B&metadata.source=crm' }],
    ['here and there', { file: CSV, query: '?delimiter=%3B', fields: [MODEL], after: [['metadata.source', 'crm']] }],
  ])('takes model and options %s', async (_where, form) => {
    const { status, body } = await upload(server, form);
    expect(status).toBe(202);
    expect(body).toMatchObject({ dialect: { delimiter: ';' }, metadata: { source: 'crm' } });
  });

  it.each<[[string, string][], string, object]>([
    [
      [['delimiter', 'auto']],
      'id;qty\n1;2\n',
      { delimiter: ';', escape: '"', comment: null, skip_lines: 0, trim: false },
    ],
    [[['delimiter', 'tab']], CSV, { delimiter: '\t' }],
    [[['delimiter', '\\t']], CSV, { delimiter: '\t' }],
    [
      [
        ['escape', '\\'],
        ['comment', '#'],
        ['skip_lines', '2'],
        ['trim', 'true'],
      ],
      CSV,
      { delimiter: ',', escape: '\\', comment: '#', skip_lines: 2, trim: true },
    ],
  ])('takes a dialect %j', async (fields, file, dialect) => {
    const { status, body } = await upload(server, { fields: [MODEL, ...fields], file });
    expect([status, body.dialect]).toEqual([202, expect.objectContaining(dialect)]);
  });

  it.each<[string, string]>([
    ['delimiter', ';;'],
    ['delimiter', 'comma'],
    ['escape', ','],
    ['escape', 'ab'],
    ['comment', '"'],
    ['comment', '\n'],
    ['skip_lines', '-1'],
    ['skip_lines', '1001'],
    ['skip_lines', '1.5'],
    ['trim', 'yes'],
  ])('is refused with %s=%j', async (name, value) => {
    await refused({ fields: [MODEL, [name, value]], file: CSV }, 400, 'INVALID_OPTION', new RegExp(`^${name}: `));
  });

  const notForJson = CSV_OPTIONS.flatMap(([name, value]) => [
    { name, value, format: 'JSON', file: '[{"id":1}]' },
    { name, value, format: 'NDJSON', file: gzipSync('{"id":1}') },
  ]);
  const notForParquet = [...CSV_OPTIONS, ['encoding', 'auto']].map(([name = '', value = '']) => {
    return { name, value, format: 'Parquet', file: 'PAR1....PAR1' };
  });
  it.each([...notForJson, ...notForParquet])(
    'of $format is refused with $name, which says nothing about it',
    async ({ name, value, format, file }) => {
      const detail = new RegExp(`^${name}: .* the file is ${format};`);
      for (const form of [
        { fields: [MODEL, [name, value]] },
        { query: `?${new URLSearchParams([MODEL, [name, value]])}` },
      ]) {
        await refused({ ...(form as Form), file }, 400, 'INVALID_OPTION', detail);
      }
    },
  );

  it.each([
    ['value_format', 'json'],
    ['compression', 'zstd'],
    ['encoding', 'utf-8'],
    ['format', 'auto'],
    ['rename', '{"a":"id"}'],
  ] as [string, string][])('of JSON takes %s', async (name, value) => {
    expect((await upload(server, { fields: [MODEL, [name, value]], file: '{"id":1}' })).status).toBe(202);
  });

  it('shows the options it was given', async () => {
    const fields: [string, string][] = [
      MODEL,
      ['null_values', 'NULL,N/A'],
      ['value_format', 'json'],
      ['csv_reader', 'reference'],
    ];
    const { body } = await upload(server, { fields, file: CSV });
    expect(body).toMatchObject({
      options: { value_format: 'json', null_values: ['NULL', 'N/A'], csv_reader: 'reference' },
    });
  });

  it.each([
    ['the direction of text', 'a\u202Egpj.csv', 'a\uFFFDgpj.csv'],
    ['the direction of text, isolated', '\u2066a\u2069.csv', '\uFFFDa\uFFFD.csv'],
    ['a line separator', 'a\u2028b\u2029.csv', 'a\uFFFDb\uFFFD.csv'],
    ['a control character of C1', 'a\u009Bb.csv', 'a\uFFFDb.csv'],
    ['what is not shown', '\uFEFFa\u200Bb.csv', '\uFFFDa\uFFFDb.csv'],
  ])('keeps out of the name of the file %s', async (_what, filename, shown) => {
    expect((await upload(server, { fields: [MODEL], file: CSV, filename })).body.filename).toBe(shown);
  });

  it('keeps the name of the file as it is, but no folder and no control characters', async () => {
    const { body } = await upload(server, { fields: [MODEL], file: CSV, filename: '../../Übersicht\n年.csv' });
    expect(body.filename).toBe('Übersicht\uFFFD年.csv');
  });

  it.each<[string, Form, number, string, RegExp]>([
    ['has no file', { fields: [MODEL] }, 400, 'MISSING_FILE', /'file'/],
    ['has the file as a plain field', { fields: [MODEL, ['file', CSV]] }, 400, 'MISSING_FILE', /plain field/],
    ['has no file name', { fields: [MODEL], file: CSV, filename: '' }, 400, 'MISSING_FILE', /file name/],
    ['names no model', { file: CSV }, 400, 'MISSING_MODEL_ID', /model_id/],
    ['has an empty file', { fields: [MODEL], file: '' }, 400, 'READ_ERROR', /file is empty/],
    ['names an unknown model', { file: CSV, after: [['model_id', 'nope']] }, 404, 'MODEL_NOT_FOUND', /'nope'/],
    ['names an impossible model', { file: CSV, query: '?model_id=a%20b' }, 404, 'MODEL_NOT_FOUND', /'a b'/],
    ['is too large', { fields: [MODEL], file: 'a'.repeat(100_001) }, 413, 'FILE_TOO_LARGE', /100000 bytes/],
    ['is one JSON object', { fields: [MODEL], file: ' {\n"a":1}' }, 400, 'UNSUPPORTED_FILE_TYPE', /one JSON object/],
    ['is not an array', { fields: [MODEL, ['format', 'json']], file: '{}' }, 400, 'UNSUPPORTED_FILE_TYPE', /array/],
    [
      'is not Parquet, but should be',
      { fields: [MODEL, ['format', 'parquet']], file: 'id\n' },
      400,
      'UNSUPPORTED_FILE_TYPE',
      /PAR1/,
    ],
    [
      'is Parquet, but should be CSV',
      { fields: [MODEL, ['format', 'csv']], file: 'PAR1abc' },
      400,
      'UNSUPPORTED_FILE_TYPE',
      /is Parquet/,
    ],
    ['has a NUL byte', { fields: [MODEL], file: 'a,b\n1,\0' }, 400, 'UNSUPPORTED_FILE_TYPE', /NUL/],
    ['has NUL bytes', { fields: [MODEL], file: 'a,b\n1,\0\0' }, 400, 'UNSUPPORTED_FILE_TYPE', /NUL/],
    [
      'has another byte order mark',
      { fields: [MODEL, ['encoding', 'utf-8']], file: Buffer.from(`\uFEFF${CSV}`, 'utf16le') },
      400,
      'INVALID_OPTION',
      /^encoding: .*utf-16le/,
    ],
    [
      'is one JSON object in UTF-16',
      { fields: [MODEL], file: Buffer.from('\uFEFF{\n"a":1}', 'utf16le') },
      400,
      'UNSUPPORTED_FILE_TYPE',
      /JSON/,
    ],
    [
      'names an unknown encoding',
      { fields: [MODEL, ['encoding', 'ebcdic']], file: CSV },
      400,
      'INVALID_OPTION',
      /^encoding: /,
    ],
    ['has an unknown option', { fields: [MODEL, ['sep', ';']], file: CSV }, 400, 'INVALID_OPTION', /^sep: /],
    [
      'has an option twice',
      { fields: [MODEL], file: CSV, query: '?model_id=orders' },
      400,
      'INVALID_OPTION',
      /model_id/,
    ],
    ['repeats a field', { fields: [MODEL, MODEL], file: CSV }, 400, 'INVALID_OPTION', /model_id/],
    ['repeats a parameter', { fields: [MODEL], file: CSV, query: '?quote=a&quote=b' }, 400, 'INVALID_OPTION', /quote/],
    ['nests an option', { fields: [MODEL, ['metadata[a]', '1']], file: CSV }, 400, 'INVALID_OPTION', /metadata\[a\]/],
    ['has an endless field', { fields: [['x', 'a'.repeat(9000)]], file: CSV }, 400, 'INVALID_OPTION', /^x: longer/],
    ['has a field of an endless name', { fields: [['x'.repeat(129), '']], file: CSV }, 400, 'INVALID_OPTION', /128/],
  ])('is refused where it %s', async (_what, form, status, code, detail) => {
    await refused(form, status, code, detail);
  });

  it.each<[string, Buffer]>([
    ['csv', Buffer.from('id,qty\n1,\0\n')],
    ['csv', gzipSync('id,qty\n1,\0\n')],
    ['csv', Buffer.from('PARENT,ORC\n\0,\0\n')],
    ['csv', Buffer.alloc(70_000)],
    ['ndjson', Buffer.from('{"id":"\0"}\n')],
    ['json', Buffer.from('[{"id":"\0"}]')],
  ])('leaves the NUL bytes of what is said to be %s to its rows', async (format, file) => {
    expect((await upload(server, { fields: [MODEL], file, after: [['format', format]] })).status).toBe(202);
    await refused({ fields: [MODEL, ['format', 'auto']], file }, 400, 'UNSUPPORTED_FILE_TYPE', /NUL|Parquet|ORC/);
  });

  it('finds UTF-16 without a byte order mark, and shows it', async () => {
    const { body } = await upload(server, { fields: [MODEL], file: Buffer.from(CSV, 'utf16le') });
    expect(body).toMatchObject({ format: 'csv', encoding: 'utf-16le' });
  });

  it('takes JSON that is said to be CSV', async () => {
    expect((await upload(server, { fields: [MODEL, ['format', 'csv']], file: '[a],b\n' })).status).toBe(202);
  });

  it.each([
    ['gzip', gzipSync(CSV)],
    ['zstd', zstdCompressSync(CSV)],
  ])('tells a %s file by its first bytes', async (format, file) => {
    const { status, body } = await upload(server, { fields: [MODEL], file });
    expect(status).toBe(202);
    expect(body).toMatchObject({ format: 'csv', file_compression: format, size_bytes: file.length });
    const plain = await upload(server, { fields: [MODEL], file: CSV });
    expect(plain.body).toMatchObject({ file_compression: 'none' });
  });

  it.each<[string, Buffer, string | undefined]>([
    ['utf-8', Buffer.from(`\uFEFF${CSV}`), undefined],
    ['utf-16le', Buffer.from(`\uFEFF${CSV}`, 'utf16le'), undefined],
    ['utf-16be', Buffer.from(`\uFEFF${CSV}`, 'utf16le').swap16(), undefined],
    ['utf-16be', gzipSync(Buffer.from(CSV, 'utf16le').swap16()), 'utf-16be'],
    ['windows-1252', Buffer.from(CSV), 'windows-1252'],
  ])('takes text in %s, told or named, after the file or before it', async (encoding, file, named) => {
    const after: [string, string][] = named === undefined ? [] : [['encoding', named]];
    const { status, body } = await upload(server, { fields: [MODEL], file, after });
    expect([status, body.encoding]).toEqual([202, encoding]);
  });

  it.each([
    ['ndjson', '{"id":1}\n'],
    ['json', ' [{"id":1}]'],
    ['csv', CSV],
  ])('takes %s for what it is, compressed or not', async (format, text) => {
    const dialect = format === 'csv' ? { delimiter: ',', quote: '"', header: true } : null;
    for (const file of [text, gzipSync(text), Buffer.from(`\uFEFF${text}`, 'utf16le')]) {
      const { status, body } = await upload(server, { fields: [MODEL], file });
      expect([status, body]).toMatchObject([202, { format, dialect, file_columns: null }]);
    }
    const { body } = await upload(server, { fields: [MODEL, ['format', 'csv']], file: text });
    expect(body).toMatchObject({ format: 'csv' });
  });

  it('detects NDJSON even if its first block is larger than the part that is read', async () => {
    const row = (index: number) => JSON.stringify({ id: createHash('sha512').update(`${index}`).digest('base64') });
    const file = zstdCompressSync(Array.from({ length: 1100 }, (_, index) => row(index)).join('\n'));
    expect(file.length).toBeGreaterThan(HEAD_BYTES);
    const { status, body } = await upload(server, { fields: [MODEL], file });
    expect([status, body]).toMatchObject([202, { format: 'ndjson' }]);
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    ['holds nothing', gzipSync(''), 'READ_ERROR', /empty after gzip decompression/],
    ['is cut off in its header', Buffer.from([0x1f, 0x8b, 8]), 'READ_ERROR', /gzip data is damaged or cut off/],
    [
      'has a wrong checksum',
      Buffer.concat([zstdCompressSync(CSV, CHECKED).subarray(0, -4), Buffer.alloc(4)]),
      'READ_ERROR',
      /zstd data is damaged/,
    ],
    ['needs a dictionary', ZSTD_BY_DICTIONARY, 'READ_ERROR', /a dictionary, which is not in the file/],
    ['needs too much memory', VAST_ZSTD, 'READ_ERROR', /window of more than 128 MiB.*--long=27/],
    ['holds one JSON object', gzipSync('{\n"a":1}'), 'UNSUPPORTED_FILE_TYPE', /one JSON object/],
    ['holds a zip', zstdCompressSync('PK\x03\x04'), 'UNSUPPORTED_FILE_TYPE', /zip archive.*in zstd/],
    ['holds another', zstdCompressSync(gzipSync(CSV)), 'UNSUPPORTED_FILE_TYPE', /gzip within zstd/],
    ['holds NUL bytes', gzipSync(Buffer.alloc(200_000)), 'UNSUPPORTED_FILE_TYPE', /NUL/],
    ['is a zip', Buffer.from('PK\x03\x04'), 'UNSUPPORTED_FILE_TYPE', /unpack it.*gzip or zstd/],
  ])('is refused where the compressed file %s', async (_what, file, code, detail) => {
    await refused({ fields: [MODEL], file }, 400, code, detail);
  });

  it('needs a header where the model cannot say which column is which', async () => {
    const send = async (schema: unknown, header: string): Promise<Answer> => {
      const headers = { 'content-type': 'application/json' };
      const model = await call(server, '/models', {
        method: 'POST',
        headers,
        body: JSON.stringify({ name: 'of years!', schema }),
      });
      return upload(server, {
        fields: [
          ['model_id', `${model.body.id}`],
          ['header', header],
        ],
        file: CSV,
      });
    };
    const mixed = { id: 'String', 2024: 'Int32' };
    expect((await send(mixed, 'false')).body).toMatchObject({
      error: 'INVALID_OPTION',
      detail: expect.stringMatching(/^header: .*'2024'/),
    });
    expect((await send(mixed, 'true')).status).toBe(202);
    expect((await send({ 0: 'String', 1: 'Int32' }, 'false')).status).toBe(202);
  });

  it('takes a file of exactly the limit', async () => {
    expect((await upload(server, { fields: [MODEL], file: 'a'.repeat(100_000) })).status).toBe(202);
  });

  it('is refused with two files, or one of another name', async () => {
    const body = new FormData();
    body.append('file', new Blob([CSV]), 'a.csv');
    body.append('file', new Blob([CSV]), 'b.csv');
    const two = await call(server, '/jobs?model_id=orders', { method: 'POST', body });
    expect(two.body).toMatchObject({ status: 400, error: 'INVALID_MULTIPART' });
    const other = new FormData();
    other.append('data', new Blob([CSV]), 'a.csv');
    const answer = await call(server, '/jobs?model_id=orders', { method: 'POST', body: other });
    expect(answer.body).toMatchObject({
      status: 400,
      error: 'MISSING_FILE',
      detail: expect.stringContaining("'data'"),
    });
    expect((await server.spooled()).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it.each([
    ['text/csv', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/json', 400, 'INVALID_REQUEST'],
    ['multipart/form-data', 400, 'INVALID_MULTIPART'],
    ['multipart/form-data; boundary=x', 400, 'INVALID_MULTIPART'],
  ])('is refused as %s', async (type, status, code) => {
    const answer = await call(server, '/jobs?model_id=orders', {
      method: 'POST',
      headers: { 'content-type': type },
      body: '{"a":1}',
    });
    expect(answer.body).toMatchObject({ status, error: code });
  });

  it('is refused without a body', async () => {
    const answer = await call(server, '/jobs?model_id=orders', { method: 'POST' });
    expect(answer.body).toMatchObject({ status: 415, error: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('is refused while Kafka is away, and works with the next request after that', async () => {
    server.kafka.up = false;
    const { headers } = await refused({ fields: [MODEL], file: CSV }, 503, 'KAFKA_UNAVAILABLE');
    expect(headers.get('retry-after')).toBe('5');
    server.kafka.up = true;
    expect((await upload(server, { fields: [MODEL], file: CSV })).status).toBe(202);
  });

  it('leaves nothing if the broker goes between the upload and its topics', async () => {
    const create = server.kafka.createJobTopics.bind(server.kafka);
    server.kafka.createJobTopics = (topics) => {
      server.kafka.up = false;
      return create(topics);
    };
    try {
      await refused({ fields: [MODEL], file: CSV }, 503, 'KAFKA_UNAVAILABLE', /topics/);
    } finally {
      server.kafka.createJobTopics = create;
    }
  });

  it('takes 32 files at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, at) => upload(server, { fields: [MODEL], file: CSV + 'x'.repeat(at * 1000) })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.job_id)).size).toBe(32);
  });

  describe('with an Idempotency-Key', () => {
    it('answers a repetition with the first job', async () => {
      const form: Form = { fields: [MODEL], file: CSV, headers: { 'idempotency-key': 'again' } };
      const first = await upload(server, form);
      const second = await upload(server, form);
      expect([first.status, second.status]).toEqual([202, 200]);
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      expect(second.headers.get('idempotency-replayed')).toBe('true');
      expect(second.headers.get('location')).toBe(first.headers.get('location'));
      expect(second.body.job_id).toBe(first.body.job_id);
    });

    it('makes one job of requests at the same time', async () => {
      const files = (await server.spooled()).length;
      const form: Form = { fields: [MODEL], file: CSV, headers: { 'idempotency-key': 'at once' } };
      const answers = await Promise.all(Array.from({ length: 8 }, () => upload(server, form)));
      expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
        200, 200, 200, 200, 200, 200, 200, 202,
      ]);
      expect(new Set(answers.map(({ body }) => body.job_id)).size).toBe(1);
      expect(await server.spooled()).toHaveLength(files + 1);
    });

    it.each<[string, Form, RegExp]>([
      ['model', { fields: [['model_id', 'others']], file: CSV }, /another model$/],
      ['size', { fields: [MODEL], file: `${CSV}3,4\n` }, /another file$/],
      ['file of the same size', { fields: [MODEL], file: CSV.replace('2', '3') }, /another file$/],
      [
        'options',
        { fields: [MODEL, ['trim', 'true'], ['value_format', 'json']], file: CSV },
        /other trim, value_format$/,
      ],
      ['delimiter', { fields: [MODEL, ['delimiter', 'auto']], file: CSV }, /other delimiter$/],
      [
        'model and encoding',
        { query: '?encoding=latin1&model_id=others', file: CSV },
        /another model, other encoding$/,
      ],
    ])('is refused with another %s, and says what differs', async (what, form, difference) => {
      const headers = { 'idempotency-key': `other ${what}` };
      expect((await upload(server, { fields: [MODEL], file: CSV, headers })).status).toBe(202);
      await refused({ ...form, headers }, 409, 'IDEMPOTENCY_KEY_REUSED', difference);
    });

    it.each<[string, Form, Form]>([
      ['options that are the defaults', { file: CSV }, { fields: CSV_DEFAULTS, file: CSV }],
      [
        'another file name and other metadata',
        { file: CSV },
        { file: CSV, filename: 'b.csv', fields: [['metadata.a', 'b']] },
      ],
      [
        'a delimiter that is found out',
        { file: 'id;qty\n1;2\n', fields: [['delimiter', 'auto']] },
        { file: 'id;qty\n1;2\n', query: '&delimiter=auto' },
      ],
      [
        'columns and spellings of null in another order',
        {
          file: CSV,
          fields: [
            ['rename', '{"x":"id","y":"qty"}'],
            ['null_values', 'NULL,-'],
          ],
        },
        {
          file: CSV,
          fields: [
            ['null_values', '-,NULL'],
            ['rename', '{"y":"qty","x":"id"}'],
          ],
        },
      ],
      [
        'spellings of null of columns in another order',
        { file: CSV, fields: [['null_values', '{"id":["NULL","-"],"qty":["x"]}']] },
        { file: CSV, fields: [['null_values', '{"qty":["x"],"id":["-","NULL"]}']] },
      ],
    ])('answers a repetition with %s with the first job', async (what, first, second) => {
      const headers = { 'idempotency-key': `same ${what}` };
      const send = (form: Form) => upload(server, { ...form, headers, query: `?model_id=orders${form.query ?? ''}` });
      const { status, body } = await send(first);
      expect(status).toBe(202);
      expect(await send(second)).toMatchObject({ status: 200, body: { job_id: body.job_id } });
    });

    it('compares the size alone where the job has no hash, as jobs of older versions have none', async () => {
      const headers = { 'idempotency-key': 'an older one' };
      const { body } = await upload(server, { fields: [MODEL], file: CSV, headers });
      await server.app
        .get<Database>(DATABASE)
        .updateTable('jobs')
        .set({ sha256: null, requested_options: null })
        .where('job_id', '=', body.job_id)
        .execute();
      const form: Form = { fields: [MODEL, ['trim', 'true']], file: CSV.replace('2', '3'), headers };
      expect(await upload(server, form)).toMatchObject({ status: 200, body: { job_id: body.job_id, sha256: null } });
      await refused({ ...form, file: `${CSV}3,4\n` }, 409, 'IDEMPOTENCY_KEY_REUSED', /another file$/);
    });

    it.each(['', 'é', 'a'.repeat(256)])('is refused where it is malformed (%#)', async (key) => {
      await refused({ fields: [MODEL], file: CSV, headers: { 'idempotency-key': key } }, 400, 'INVALID_REQUEST');
    });
  });
});

it('is refused at once where it would leave too little free disk', async () => {
  const server = await startTestApp({ MIN_FREE_BYTES: `${Number.MAX_SAFE_INTEGER}` });
  try {
    await server.createModel('orders');
    const { status, body } = await upload(server, { fields: [MODEL], file: CSV });
    expect({ status, error: body.error }).toEqual({ status: 507, error: 'INSUFFICIENT_STORAGE' });
    expect(await server.spooled()).toEqual([]);
    expect((await call(server, '/readyz')).body).toMatchObject({ error: { disk: { status: 'down' } } });
  } finally {
    await server.close();
  }
});
