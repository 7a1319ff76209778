import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { Scrape } from '../kit/scrape.js';
import { ONE_PROCESS } from '../kit/service.js';
import { useService } from '../kit/use-service.js';

type Line = Record<string, unknown> & { msg: string; level: string };

const folder = mkdtempSync(join(tmpdir(), 'batch-errors-log-'));
const ERRORS_LOG = join(folder, 'errors.jsonl');
const suite = useService({
  models: { orders: ORDERS_SCHEMA },
  env: { ...ONE_PROCESS, LOG_LEVEL: 'debug', ERRORS_LOG },
});
afterAll(() => rmSync(folder, { recursive: true }));

function linesOf(jobId: string): Line[] {
  const lines = suite.service.log().split('\n');
  return lines.filter((line) => line.includes(jobId)).map((line) => JSON.parse(line) as Line);
}

/** The line that the process which has the job writes last comes after the answer that the job has ended. */
async function untilEnded(jobId: string): Promise<Line[]> {
  await suite.api.ended(jobId);
  for (const deadline = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const lines = linesOf(jobId);
    if (lines.some(({ msg }) => msg.startsWith('job ended') || msg.startsWith('job failed'))) return lines;
    if (Date.now() > deadline) throw new Error(`no line says that job ${jobId} has ended`);
  }
}

describe('the log lines of a job', () => {
  it('say what was read, committed and rejected, with counts and the file, and no value', async () => {
    const orders = makeOrders(1_000, 100);
    const { job_id } = await suite.api.createJob('orders', orders.csv);
    const lines = await untilEnded(job_id);
    const file = { job_id, model_id: 'orders', file: 'data.csv' };
    const counts = { accepted: 990, rejected: 10 };
    const expected: [string | RegExp, Partial<Line>][] = [
      ['Started processing file data.csv', { level: 'info', bytes: orders.csv.length, row: 0, ...file }],
      [
        `Checkpoint saved at offset ${orders.csv.length}`,
        { level: 'debug', byte: orders.csv.length, row: 1_000, ...counts, ...file },
      ],
      [
        /^Failed to parse row 100: NOT_AN_INTEGER in column 'qty'/,
        { level: 'warn', row: 100, codes: ['NOT_AN_INTEGER'], columns: ['qty'], ...file },
      ],
      [
        /^Finished file data\.csv \(Duration: [\d.]+ s, Rows: 1000\)$/,
        { level: 'info', outcome: 'completed', rows: 1_000, ...counts, ...file },
      ],
      ['job ended', { level: 'info', state: 'PARTIAL_SUCCESS', rows: 1_000, ...counts, ...file }],
    ];
    for (const [msg, fields] of expected) {
      const found = lines.filter((line) => (typeof msg === 'string' ? line.msg === msg : msg.test(line.msg)));
      expect(found).toEqual([expect.objectContaining(fields)]);
    }
    const failed = lines.filter(({ msg }) => msg.startsWith('Failed to parse row'));
    expect(failed.reduce((sum, { rejected }) => sum + Number(rejected), 0)).toBe(10);
    expect(JSON.stringify(lines)).not.toContain('3.5');
  });

  it('of a job that has failed are at error', async () => {
    const { job_id } = await suite.api.createJob('orders', makeOrders(3, 1).csv);
    const lines = await untilEnded(job_id);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        msg: 'job failed: ALL_ROWS_REJECTED',
        ...{ job_id, model_id: 'orders', file: 'data.csv', state: 'FAILED', rows: 3, rejected: 3 },
      }),
    ]);
  });
});

describe('ERRORS_LOG', () => {
  it('has a line for each rejected row that is committed, by both readers, with its place and no value', async () => {
    for (const csv_reader of ['auto', 'reference']) {
      const orders = makeOrders(2_000, 7);
      const { job_id } = await suite.api.createJob('orders', orders.csv, {}, { csv_reader });
      await untilEnded(job_id);
      const written = await untilRows(job_id, orders.rejected.length);
      expect(written.map(({ row_number }) => row_number)).toEqual(orders.rejected);
      expect(written[0]).toEqual({
        ...{ time: expect.stringMatching(/Z$/), job_id, model_id: 'orders', file: 'data.csv' },
        ...{ row_number: 7, line: expect.any(Number), byte_offset: expect.any(Number) },
        ...{ codes: ['NOT_AN_INTEGER'], columns: ['qty'] },
      });
      const { byte_offset } = written[1] as { byte_offset: number };
      expect(orders.csv.subarray(byte_offset).toString().startsWith('14,')).toBe(true);
      expect(JSON.stringify(written)).not.toContain('3.5');
    }
    const scrape = await Scrape.of(suite.service.url);
    expect(scrape.get('batch_errors_log_rows_total{result="written"}')).toBeGreaterThanOrEqual(570);
  });
});

/** The process that has the job writes them a moment after the commit. */
async function untilRows(jobId: string, rows: number): Promise<Record<string, unknown>[]> {
  for (const deadline = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const lines = readFileSync(ERRORS_LOG, 'utf8').split('\n').slice(0, -1);
    const own = lines.filter((line) => line.includes(jobId)).map((line) => JSON.parse(line) as Record<string, unknown>);
    if (own.length >= rows) return own;
    if (Date.now() > deadline) throw new Error(`the errors log has ${own.length} of ${rows} rows`);
  }
}
