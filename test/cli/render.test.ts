import type { Job } from 'batch-ingest-sdk';
import fc from 'fast-check';
import { inCommands } from '../../src/cli/in-commands.js';
import { processingText, uploadText } from '../../src/cli/progress.js';
import { bar } from '../../src/cli/render/bar.js';
import { inferredDetails } from '../../src/cli/render/inferred-table.js';
import { jobDetails, jobTable } from '../../src/cli/render/job-table.js';
import { modelDetails, modelTable } from '../../src/cli/render/model-table.js';
import { rejectedTable } from '../../src/cli/render/rejected-table.js';
import { schemaText } from '../../src/cli/render/schema-text.js';
import { plain, printable, styleFor } from '../../src/cli/render/style.js';
import { displayWidth, table, wrapped } from '../../src/cli/render/table.js';
import { bytes, duration } from '../../src/cli/render/units.js';
import { catalogue } from '../../src/errors/index.js';
import { contract, jobFailed, jobPartial, jobPending, jobRunning } from '../sdk/contract.js';

const lines = (...text: string[]) => text.map((line) => `${line}\n`).join('');

describe('the progress bar', () => {
  it.each([
    [0, 100, 0, '[--------] 0%'],
    [61, 100, 0.2, '[####X---] 61%'],
    [50, 100, 0, '[####----] 50%'],
    [100, 100, 0, '[########] 100%'],
    [100, 100, 1, '[XXXXXXXX] 100%'],
    [99, 100, 0, '[#######-] 99%'],
    [999_999, 1_000_000, 0, '[#######-] 99%'],
    [100, 100, 0.000001, '[#######X] 100%'],
    [100, 100, 0.999999, '[#XXXXXXX] 100%'],
    [0, 0, 0, '[--------] 0%'],
    [120, 100, 0, '[########] 100%'],
  ])('shows %d of %d with %d rejected as %s', (done, total, rejected, text) => {
    expect(bar(done, total, rejected, 8)).toBe(text);
  });

  it('has the same width always, and is full only when nothing is left', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), share, fc.integer({ min: 2, max: 40 }), (done, total, rejected, width) => {
        const [, gauge = '', percent = ''] = /^\[([#X-]*)\] (\d+)%$/.exec(bar(done, total, rejected, width)) ?? [];
        expect(gauge).toHaveLength(width);
        expect(gauge).toMatch(/^#*X*-*$/);
        expect([!gauge.includes('-'), percent === '100']).toEqual(Array(2).fill(total > 0 && done >= total));
        const filled = gauge.replaceAll('-', '');
        if (filled.length > 0) expect(filled.includes('X')).toBe(rejected > 0);
      }),
    );
  });
});

describe('tables', () => {
  it('are as wide as their widest cell, even if characters take two cells', () => {
    const columns = [
      { title: 'NAME', text: (row: { name: string }) => row.name },
      { title: 'N', text: (row: { name: string }) => String(row.name.length), align: 'right' as const },
      { title: 'LAST', text: () => 'x' },
    ];
    expect(table(columns, [{ name: '注文' }, { name: 'Übersicht' }, { name: '🎉' }], plain)).toBe(
      lines('NAME       N  LAST', '注文       2  x', 'Übersicht  9  x', '🎉         2  x'),
    );
  });

  it('count a flag, an accent and a joined emoji as one character', () => {
    expect(['abc', 'é', 'e\u0301', '注', '🇩🇪', '👩‍👩‍👧'].map(displayWidth)).toEqual([3, 1, 1, 2, 2, 2]);
  });

  it('let no control character through to the terminal', () => {
    expect(printable('a\x1b[31mred\u009b0m\r\n')).toBe('a\uFFFD[31mred\uFFFD0m\uFFFD\uFFFD');
    const job = { ...jobFailed(), filename: '\x1b]0;evil\x07.csv', model_id: '\x1b[2J' };
    expect(jobDetails(job)).not.toMatch(/[^\P{Cc}\n]/u);
  });

  it('show jobs', () => {
    const jobs = [
      jobPending(),
      jobRunning(),
      jobPartial(),
      { ...jobFailed(), model_id: 'customers', timings: { waiting_ms: 72_300, processing_ms: 7_500_000 } },
    ];
    const now = Date.parse('2026-11-20T09:17:30.000Z');
    const named = jobs.map((job, at) => ({
      ...job,
      filename: at === 3 ? 'customers-of-all-shops-and-years.csv' : 'orders.csv',
    }));
    expect(jobTable(named, plain, now)).toBe(
      lines(
        'JOB       MODEL      STATE            TOTAL     OK  ERRORS  PROGRESS         PROCESSING    AGE  FILE',
        'a1b2c3d4  orders     PENDING              0      0       0  [--------] 0%          0 ms  2 min  orders.csv',
        'a1b2c3d4  orders     RUNNING           9000   8990      10  [###X----] 50%       431 ms  2 min  orders.csv',
        'a1b2c3d4  orders     PARTIAL_SUCCESS  18000  17980      20  [#######X] 100%      862 ms  2 min  orders.csv',
        'a1b2c3d4  customers  FAILED               0      0       0  [--------] 0%        2h 05m  2 min  customers-of-all-shops-and-years.csv',
      ),
    );
    expect(jobTable(named, plain, now, 60)).toBe(
      lines(
        'JOB       STATE            TOTAL  ERRORS    AGE  FILE',
        'a1b2c3d4  PENDING              0       0  2 min  orders.csv',
        'a1b2c3d4  RUNNING           9000      10  2 min  orders.csv',
        'a1b2c3d4  PARTIAL_SUCCESS  18000      20  2 min  orders.csv',
        'a1b2c3d4  FAILED               0       0  2 min  customers-…',
      ),
    );
  });

  it('show one job on a narrow terminal, what has no room in its line below it', () => {
    expect(jobDetails(jobFailed(), plain, 60)).toBe(
      lines(
        'JOB       MODEL   STATE   TOTAL  OK  ERRORS  PROGRESS',
        'a1b2c3d4  orders  FAILED      0   0       0  [--------] 0%',
        '',
        'waiting     3 ms',
        'processing  21 ms',
        'file        customers.csv, 2.0 KiB',
        'accepted    topic batch_a1b2c3d4, read to offset 0',
        'rejected    topic batch_a1b2c3d4_dlq, read to offset 0',
        'error       HEADER_MISMATCH: the header lacks the columns',
        "            'id', 'qty'; it has 'name', 'email', which the",
        '            model does not know',
        'hint        Correct the columns of the file or of the model,',
        '            or rename them (--rename), then send the file',
        '            again.',
      ),
    );
  });

  it('show rejected rows on a narrow terminal', () => {
    const [row] =
      contract.paths['/jobs/{id}/rejected'].get.responses['200'].content['application/json'].examples.one.value;
    const observed = '9'.repeat(40);
    const long = {
      ...{ column: 'price_with_a_long_name', type: 'Decimal(10,2)', error: 'OUT_OF_RANGE', observed },
      message: `column 'price_with_a_long_name': '${observed}' is out of range`,
    };
    const open = {
      column: null,
      type: null,
      error: 'UNTERMINATED_QUOTE',
      observed: null,
      message: 'a quote is never closed',
    };
    const rows = [row, { ...row, row_number: 18, line: 20, errors: [open, long] }];
    expect(rejectedTable(rows, plain, 60)).toBe(
      lines(
        'ROW  COLUMN     ERROR               MESSAGE',
        " 17  qty        NOT_AN_INTEGER      '3.14' is not an Int32",
        ' 18             UNTERMINATED_QUOTE  a quote is never closed',
        " 18  price_wi…  OUT_OF_RANGE        '9999999999999999999999…",
      ),
    );
  });

  it('never shows a table wider than the terminal', () => {
    const jobs = [jobPartial(), { ...jobFailed(), model_id: 'm'.repeat(63), filename: '注文'.repeat(100) }];
    const name = { name: 'n'.repeat(256), reason: 'why '.repeat(30) };
    const [column] = contract.components.examples.InferredNested.value.columns;
    const inferred = {
      ...contract.components.examples.InferredNested.value,
      columns: [column, { ...column, ...name }],
    };
    for (const width of [60, 70, 80, 100, 120]) {
      const tables = [
        jobTable(jobs, plain, 0, width),
        ...jobs.map((job) => jobDetails(job, plain, width).split('\n\n')[0] as string),
        inferredDetails(inferred, plain, width).split('\n{')[0] as string,
      ];
      for (const line of tables.join('\n').split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
  });

  it('show one job with what does not fit into a line', () => {
    expect(jobDetails({ ...jobPartial(), attempt: 2, metadata: { source: 'crm' } })).toBe(
      lines(
        'JOB       MODEL   STATE            TOTAL     OK  ERRORS  PROGRESS         WAITING  PROCESSING',
        'a1b2c3d4  orders  PARTIAL_SUCCESS  18000  17980      20  [#######X] 100%    12 ms      862 ms',
        '',
        'file      orders.csv, 1.0 MiB',
        'accepted  topic batch_a1b2c3d4, read to offset 17982',
        'rejected  topic batch_a1b2c3d4_dlq, read to offset 22',
        'source    crm',
        'attempt   2',
      ),
    );
  });

  it('show the options of a job that are not the usual ones', () => {
    const options: Job['options'] = {
      value_format: 'json',
      compression: 'zstd',
      null_values: ['NULL', 'N/A'],
      quoted_nulls: 'typed',
      quoted_empty: 'text',
      header_names: 'lenient',
      rename: { 'Order ID': 'id' },
      normalize: { email: ['trim', 'lowercase'] },
      ignore_header_case: false,
      on_broken: 'continue',
      csv_reader: 'auto',
      sinks: [],
      sink_when: 'success',
      max_sink_errors: 1000,
      on_conflict: 'update',
      expect: {},
    };
    expect(
      jobDetails({ ...jobPartial(), options })
        .split('\n')
        .slice(-6),
    ).toEqual([
      'values       json',
      'compression  zstd',
      'null         NULL, N/A',
      'column       Order ID → id',
      'normalized   email: trim, lowercase',
      '',
    ]);
  });

  it('show why a job failed', () => {
    expect(jobDetails(jobFailed()).split('\n').slice(-3)).toEqual([
      "error     HEADER_MISMATCH: the header lacks the columns 'id', 'qty'; it has 'name', 'email', which the model does not know",
      'hint      Correct the columns of the file or of the model, or rename them (--rename), then send the file again.',
      '',
    ]);
  });

  it('show a proposed model in the width that there is', () => {
    const inferred = contract.components.examples.InferredNested.value;
    const shown = (width?: number) => inferredDetails(inferred, plain, width).split('\n').slice(2, 5);
    expect(shown()).toEqual([
      'COLUMN  TYPE   NULLABLE  WHY                             EXAMPLES',
      'id      Int64  no        whole numbers of up to 1 digit  1, 2',
      'tags    Array  yes, 1    arrays of String, up to 1 item  ["new"]',
    ]);
    expect(shown(60)).toEqual([
      'COLUMN  TYPE   NULLABLE  WHY',
      'id      Int64  no        whole numbers of up to 1 digit',
      'tags    Array  yes, 1    arrays of String, up to 1 item',
    ]);
    expect(shown(50)).toEqual([
      'COLUMN  TYPE   NULLABLE  WHY',
      'id      Int64  no        whole numbers of up to 1…',
      'tags    Array  yes, 1    arrays of String, up to …',
    ]);
  });

  it('show a schema over as few lines as fit', () => {
    const long = Object.fromEntries(['first', 'second', 'third'].map((name) => [name, { type: ['string', 'null'] }]));
    const schema = {
      type: 'object',
      properties: { id: { type: 'integer' }, who: { type: 'object', properties: long } },
    };
    expect(schemaText(schema)).toBe(
      lines(
        '{',
        '  "type": "object",',
        '  "properties": {',
        '    "id": { "type": "integer" },',
        '    "who": {',
        '      "type": "object",',
        '      "properties": {',
        '        "first": { "type": ["string", "null"] },',
        '        "second": { "type": ["string", "null"] },',
        '        "third": { "type": ["string", "null"] }',
        '      }',
        '    }',
        '  }',
        '}',
      ),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON has one zero.
        const expected: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(schemaText(value))).toEqual(expected);
      }),
    );
  });

  it('show models', () => {
    const model = contract.components.examples.ModelOrders.value;
    expect(modelTable([model, { ...model, name: 'Übersicht', version: 12 }], plain)).toBe(
      lines(
        'MODEL   NAME       VERSION  COLUMNS  UPDATED',
        'orders  orders           1        3  2026-11-20T09:00:00.000Z',
        'orders  Übersicht       12        3  2026-11-20T09:00:00.000Z',
      ),
    );
    expect(modelDetails(model, plain)).toBe(
      lines(
        'orders  orders, version 1, 2026-11-20T09:00:00.000Z',
        'sinks: clickhouse',
        '',
        'COLUMN  TYPE     NULL  CONSTRAINTS',
        'id      String   no',
        'qty     Int32    no',
        'price   Float64  yes',
      ),
    );
  });
});

describe('what the service says', () => {
  it('is said in commands', () => {
    const { ALL_ROWS_REJECTED, CHECKPOINT_LOST, TOPIC_LIMIT } = catalogue;
    expect(inCommands(ALL_ROWS_REJECTED.hint)).toMatch(/^Look at the rejected rows with `batch job rejected ID`: /);
    expect(inCommands(CHECKPOINT_LOST.hint)).toContain('is kept: `batch job create MODEL --from ID`. Resuming');
    expect(inCommands(TOPIC_LIMIT.hint)).toContain('`batch job purge ID` (`batch job list` lists the oldest last)');
    expect(inCommands('`DELETE /jobs/a1b2c3d4?purge=true&force=true` or `DELETE /jobs/a1b2c3d4`')).toBe(
      '`batch job purge a1b2c3d4 --force` or `batch job cancel a1b2c3d4`',
    );
  });

  it('names no request in any hint', () => {
    const requests = /\b(?:GET|POST|PUT|DELETE) \/|\{\w+\}|=…/;
    for (const { hint } of Object.values(catalogue)) expect(inCommands(hint)).not.toMatch(requests);
    const hint = 'Look at the rejected rows with `GET /jobs/a1b2c3d4/rejected`.';
    const error = { code: 'ALL_ROWS_REJECTED' as const, message: 'none of 3 rows', hint };
    expect(jobDetails({ ...jobFailed(), error })).toContain('`batch job rejected a1b2c3d4`');
  });
});

describe('wrapped text', () => {
  it('has words of a line together as they fit, and commands whole', () => {
    const hint = 'A failed job can be resumed with `batch job resume ID` once it is back';
    expect(wrapped(hint, 30)).toEqual(['A failed job can be resumed', 'with `batch job resume ID`', 'once it is back']);
    expect(wrapped('a  b', 9)).toEqual(['a  b']);
    expect(wrapped('don`t break', 5)).toEqual(['don`t', 'break']);
    expect(wrapped('', 9)).toEqual(['']);
  });
});

describe('the live lines', () => {
  it('show an upload', () => {
    expect(uploadText({ bytesSent: 2_621_440, bytesTotal: 10_485_760 }, 100)).toBe(
      'Uploading   [######------------------] 25%  2.5 MiB of 10.0 MiB  25.0 MiB/s',
    );
    expect(uploadText({ bytesSent: 0, bytesTotal: 0 }, 0)).toBe(
      'Uploading   [########################] 100%  0 B of 0 B',
    );
    expect(uploadText({ bytesSent: 2048, bytesTotal: null }, 1000)).toBe('Uploading   2.0 KiB  2.0 KiB/s');
  });

  it('show a job', () => {
    expect(processingText(jobRunning())).toBe('Processing  [###########X------------] 50%  9000 rows, 10 rejected');
    expect(processingText(jobPending())).toBe('Processing  [------------------------] 0%  0 rows  PENDING');
    expect(processingText(jobPending(), 60)).toBe('Processing  [----------] 0%  0 rows  PENDING');
    expect(processingText(jobPending(), 40)).toBe('Processing  [----------] 0%  0 rows');
  });
});

describe('figures', () => {
  it.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [1000, '1.0 s'],
    [59_949, '59.9 s'],
    [59_950, '1m 00s'],
    [3_599_400, '59m 59s'],
    [3_600_000, '1h 00m'],
  ])('say %d ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [1024 ** 3, '1.0 GiB'],
  ])('say %d bytes as %s', (count, text) => {
    expect(bytes(count)).toBe(text);
  });
});

describe('colours', () => {
  const terminal = { isTTY: true } as NodeJS.WriteStream;
  it('are for terminals that want them', () => {
    expect(styleFor(terminal, {}).red('x')).toBe('\x1b[31mx\x1b[39m');
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) expect(styleFor(terminal, env).red('x')).toBe('x');
    expect(styleFor({} as NodeJS.WriteStream, {}).red('x')).toBe('x');
  });

  it('do not change the layout', () => {
    const escapes = new RegExp(`${'\x1b'}\\[\\d+m`, 'g');
    const jobs = [jobRunning(), jobPartial()];
    expect(jobTable(jobs, styleFor(terminal, {}), 0).replace(escapes, '')).toBe(jobTable(jobs, plain, 0));
  });
});
