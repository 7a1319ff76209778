import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { useService } from '../kit/use-service.js';

type Line = Record<string, unknown> & { msg: string; level: string };

const suite = useService({ models: { orders: ORDERS_SCHEMA }, env: { LOG_LEVEL: 'debug' } });

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
