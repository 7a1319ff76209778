import type { JobSink } from 'batch-ingest-sdk';
import { processingText } from '../../src/cli/progress.js';
import { jobDetails } from '../../src/cli/render/job-table.js';
import { sinkStatusTable, sinkTable } from '../../src/cli/render/sink-table.js';
import { plain } from '../../src/cli/render/style.js';
import { displayWidth } from '../../src/cli/render/table.js';
import { jobPartial } from '../sdk/contract.js';

const lines = (...text: string[]) => text.map((line) => `${line}\n`).join('');
const NOW = Date.parse('2026-11-20T09:17:00.000Z');
const loaded: JobSink = {
  name: 'clickhouse',
  state: 'LOADED',
  rows: 17979,
  rejected: 1,
  lag: 0,
  table: 'warehouse.data_orders_of_all_shops_and_years',
  error: null,
  updated_at: '2026-11-20T09:15:00.000Z',
};
const retrying: JobSink = {
  ...loaded,
  name: 'postgres',
  state: 'RETRYING',
  rows: 9000,
  rejected: 0,
  lag: 8980,
  table: null,
  error: {
    code: 'SINK_UNAVAILABLE',
    message: 'the database does not answer',
    hint: 'Nothing is lost. To try now: `POST /jobs/{id}/sinks/{name}/retry`.',
  },
};

describe('the table of sinks', () => {
  it('has all columns on a wide terminal, and what is wrong below it', () => {
    expect(sinkTable([loaded, retrying], plain, NOW, 120)).toBe(
      lines(
        'SINK        STATE      ROWS  REJECTED   LAG  CHANGED  TABLE',
        'clickhouse  LOADED    17979         1     0    2 min  warehouse.data_orders_of_all_shops_and_years',
        'postgres    RETRYING   9000         0  8980    2 min',
        '',
        'postgres: SINK_UNAVAILABLE: the database does not answer. Nothing is lost. To try now: `batch sink retry ID SINK`.',
      ),
    );
  });

  it('gives up the time and shortens the table on a narrow one', () => {
    expect(sinkTable([loaded, retrying], plain, NOW, 60)).toBe(
      lines(
        'SINK        STATE      ROWS  REJECTED   LAG  TABLE',
        'clickhouse  LOADED    17979         1     0  warehouse.data…',
        'postgres    RETRYING   9000         0  8980',
        '',
        'postgres: SINK_UNAVAILABLE: the database does not answer.',
        '  Nothing is lost. To try now: `batch sink retry ID SINK`.',
      ),
    );
  });

  it.each([60, 120])('fits into %d cells, whatever the service says', (width) => {
    const status = { name: 'clickhouse', pending: 1e7, loading: 1, retrying: 1, failed: 1, removing: 1 } as const;
    const error = { code: 'SINK_FORBIDDEN' as const, message: 'the \x1b[31muser may not write' };
    const texts = [
      sinkTable([loaded, retrying], plain, NOW, width),
      sinkStatusTable([{ ...status, error }], plain, width),
    ];
    for (const text of texts) {
      expect(Math.max(...text.split('\n').map(displayWidth))).toBeLessThanOrEqual(width);
      expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    }
  });
});

describe('a job with sinks', () => {
  const job = { ...jobPartial(), totals: { rows: 18000, ok: 17980, errors: 20 }, sinks: [loaded, retrying] };

  it('has a line for each in its details', () => {
    const details = jobDetails(job, plain, 120);
    expect(details).toMatch(/^clickhouse +LOADED, 17979 rows in warehouse\.\S+, 1 rejected$/m);
    expect(details).toMatch(/^postgres +RETRYING, 9000 rows, 8980 to go$/m);
  });

  it('is as far as its slowest one while it is loaded', () => {
    expect(processingText(job)).toBe(
      'Loading     [############------------] 50%  clickhouse 17979 LOADED, postgres 9000 RETRYING',
    );
  });
});
