import { writeFile } from 'node:fs/promises';
import type { Job, JobSink, SinkStatus } from 'batch-ingest-sdk';
import { answer, answerProblem, jobFailed, jobPartial, jobRunning } from '../sdk/contract.js';
import { Bundle, type RunOptions } from './support/bundle.js';
import { Service } from './support/service.js';

const sink = (state: JobSink['state'], given: Partial<JobSink> = {}): JobSink => ({
  name: 'clickhouse',
  state,
  rows: 2,
  rejected: 0,
  lag: 0,
  table: 'data_orders',
  error: null,
  updated_at: '2026-11-20T09:15:00.000Z',
  ...given,
});
const done = (...sinks: JobSink[]): Job => ({
  ...jobPartial(),
  state: 'SUCCESS',
  totals: { rows: 2, ok: 2, errors: 0 },
  sinks,
});
const broken = sink('FAILED', {
  error: {
    code: 'SINK_SCHEMA_CONFLICT',
    message: 'column qty is String',
    hint: 'Change the table, then `POST /jobs/{id}/sinks/{name}/retry`.',
  },
});

let bundle: Bundle;
let service: Service;
beforeAll(async () => {
  bundle = await Bundle.build();
  await writeFile(bundle.path('orders.csv'), 'id,qty\n1,3\n');
});
afterAll(() => bundle.remove());
beforeEach(async () => {
  service = await Service.start();
});
afterEach(() => service.close());

function batch(command: string, options: RunOptions = {}) {
  return bundle.run(command.split(' '), { ...options, env: { BATCH_API_URL: service.url, ...options.env } });
}

/** The job as it is at one look after the other; the last stays. */
function answerLooks(...jobs: Job[]): void {
  service.routes['GET /jobs/a1b2c3d4'] = (response) => answer(response, 200, jobs.length > 1 ? jobs.shift() : jobs[0]);
}

describe('batch sink', () => {
  it('list shows the sinks of the service, as a table or as they came', async () => {
    const status: SinkStatus = {
      name: 'clickhouse',
      pending: 3,
      loading: 1,
      retrying: 2,
      failed: 0,
      removing: 0,
      error: null,
    };
    service.routes['GET /sinks'] = (response) => answer(response, 200, [status]);
    expect(JSON.parse((await batch('sink list')).stdout)).toEqual([status]);
    expect((await batch('sink list --output table')).stdout.split('\n').slice(0, 2)).toEqual([
      'SINK        PENDING  LOADING  RETRYING  FAILED  REMOVING',
      'clickhouse        3        1         2       0         0',
    ]);
  });

  it('status shows all sinks of a job, or one', async () => {
    const sinks = [sink('LOADED'), sink('LOADING', { name: 'postgres' })];
    answerLooks(done(...sinks));
    expect(JSON.parse((await batch('sink status a1b2c3d4')).stdout)).toEqual(sinks);
    expect(JSON.parse((await batch('sink status a1b2c3d4 postgres')).stdout)).toEqual([sinks[1]]);
  });

  it('status names the command that loads a job into a sink that it does not have', async () => {
    answerLooks(done(sink('LOADED')));
    const { code, stderr } = await batch('sink status a1b2c3d4 postgres --output table');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^SINK_NOT_FOUND: .+\nhint: .*sink add a1b2c3d4 postgres/),
    ]);
  });

  it('status shows what is wrong, and the command that comes next', async () => {
    answerLooks(done(broken));
    const { code, stdout } = await batch('sink status a1b2c3d4 --output table');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/SINK_SCHEMA_CONFLICT: [\s\S]*`batch sink retry ID SINK`/),
    ]);
  });

  it('add asks for one or more, each once', async () => {
    service.routes['POST /jobs/a1b2c3d4/sinks'] = (response) => answer(response, 202, done(sink('PENDING')));
    expect((await batch('sink add a1b2c3d4 clickhouse postgres clickhouse')).code).toBe(0);
    expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({ sinks: ['clickhouse', 'postgres'] });
  });

  it.each<[string, number, Job[]]>([
    ['the rows are loaded', 0, [done(sink('LOADING')), done(sink('LOADED'))]],
    ['the sink rejects some', 2, [done(sink('PENDING')), done(sink('LOADED', { rejected: 1 }))]],
    ['it fails', 1, [done(sink('RETRYING')), done(broken)]],
    ['the job has failed, so that no rows come', 1, [{ ...jobFailed(), sinks: [sink('PENDING')] }]],
    ['another sink fails', 0, [done(sink('LOADED'), { ...broken, name: 'postgres' })]],
  ])('add --wait ends when %s: exit %d', async (_what, code, jobs) => {
    service.routes['POST /jobs/a1b2c3d4/sinks'] = (response) => answer(response, 202, done(sink('PENDING')));
    answerLooks(...jobs);
    expect((await batch('sink add a1b2c3d4 clickhouse --wait')).code).toBe(code);
  });

  it('retry and remove do not ask on a pipe, and remove waits until the rows are gone', async () => {
    service.routes['POST /jobs/a1b2c3d4/sinks/clickhouse/retry'] = (response) =>
      answer(response, 202, done(sink('PENDING')));
    service.routes['DELETE /jobs/a1b2c3d4/sinks/clickhouse/rows'] = (response) =>
      answer(response, 202, done(sink('REMOVING')));
    answerLooks(done(sink('REMOVING')), done(sink('REMOVED', { rows: 0 })));
    expect((await batch('sink retry a1b2c3d4 clickhouse')).code).toBe(0);
    const { code, stdout } = await batch('sink remove a1b2c3d4 clickhouse --wait');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, [{ state: 'REMOVED', rows: 0 }]]);
  });

  it.each([
    ['sink add a1b2c3d4 clickhouse', 'POST /jobs/a1b2c3d4/sinks', 'SINK_NOT_CONFIGURED', '`batch sink list`'],
    ['sink add a1b2c3d4 clickhouse', 'POST /jobs/a1b2c3d4/sinks', 'SINK_EXPIRED', '`batch job create'],
    ['sink retry a1b2c3d4 postgres', 'POST /jobs/a1b2c3d4/sinks/postgres/retry', 'SINK_NOT_FOUND', '`batch sink add'],
    [
      'sink remove a1b2c3d4 postgres',
      'DELETE /jobs/a1b2c3d4/sinks/postgres/rows',
      'SINK_NOT_REVERSIBLE',
      'SINK_LINEAGE',
    ],
  ])('%s is refused at %s with %s, and the hint says what comes next', async (command, route, code, hint) => {
    service.routes[route] = (response) => answerProblem(response, code);
    const { code: exit, stderr } = await batch(`${command} --output table`);
    expect([exit, stderr]).toEqual([1, expect.stringMatching(new RegExp(`^${code}: .+\\nhint: `))]);
    expect(stderr.replace(/\s+/g, ' ')).toContain(hint);
  });

  it('refuses the name of a sink that there is not', async () => {
    const { code, stderr } = await batch('sink add a1b2c3d4 oracle --output table');
    expect([code, stderr]).toEqual([64, expect.stringContaining('clickhouse, postgres')]);
    expect(service.seen).toEqual([]);
  });
});

describe('batch job create --wait', () => {
  beforeEach(() => {
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobRunning());
  });

  it.each<[string, number, Job[]]>([
    ['has the rows', 0, [done(sink('LOADING')), done(sink('LOADED'))]],
    ['has rejected some', 2, [done(sink('LOADED', { rejected: 1 }))]],
    ['has failed', 1, [done(sink('RETRYING')), done(broken)]],
    ['waits for a job that has failed', 1, [{ ...jobFailed(), sinks: [sink('PENDING')] }]],
  ])('ends when the sink %s: exit %d', async (_what, code, jobs) => {
    answerLooks(jobRunning(), ...jobs);
    expect((await batch('job create orders orders.csv --sinks clickhouse --wait')).code).toBe(code);
    expect(service.seen[0]?.body).toMatch(/name="sinks"\r\n\r\nclickhouse\r\n/);
  });

  it('leaves the sinks alone with =kafka, whatever becomes of them', async () => {
    answerLooks(jobRunning(), done(sink('RETRYING'), { ...broken, name: 'postgres' }));
    expect((await batch('job create orders orders.csv --wait=kafka')).code).toBe(0);
  });
});
