import type { Job, JobSink } from 'batch-ingest-sdk';
import { createBatchClient } from 'batch-ingest-sdk';
import { answer, jobFailed, jobPartial, jobRunning } from './contract.js';
import { readBody, startServer, type TestServer } from './http-server.js';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
});

const sink = (state: JobSink['state'], name: JobSink['name'] = 'clickhouse'): JobSink => ({
  name,
  state,
  rows: 0,
  rejected: 0,
  lag: 0,
  table: null,
  error: null,
  updated_at: '2026-11-20T09:15:00.000Z',
});
const done = (...sinks: JobSink[]): Job => ({ ...jobPartial(), state: 'SUCCESS', sinks });
const failed = (code: string, ...sinks: JobSink[]): Job => {
  const job = jobFailed();
  return { ...job, error: { ...job.error!, code: code as NonNullable<Job['error']>['code'] }, sinks };
};
const cancelled = (...sinks: JobSink[]): Job => ({ ...jobPartial(), state: 'CANCELLED', sinks });

/** A service that answers with these jobs in turn. */
async function serve(jobs: Job[]) {
  server = await startServer((_, response) => answer(response, 200, jobs.shift() ?? jobRunning()));
  return createBatchClient({ baseUrl: server.url });
}

describe('waitForJob', () => {
  it.each<[string, Job[]]>([
    ['each of them has the rows', [done(sink('LOADED'), sink('LOADING', 'postgres')), done(sink('LOADED'))]],
    ['one that has not begun has them', [done(sink('PENDING')), done(sink('LOADING')), done(sink('LOADED'))]],
    ['one that tries again has them', [done(sink('RETRYING')), done(sink('LOADED'))]],
    ['one has failed', [done(sink('LOADING')), done(sink('FAILED'))]],
    ['the rows are removed', [done(sink('REMOVING')), done(sink('REMOVED'))]],
    [
      'they have the rejected rows of a job that has no others',
      [failed('ALL_ROWS_REJECTED', sink('PENDING')), failed('ALL_ROWS_REJECTED', sink('LOADED'))],
    ],
    ['what is being loaded of a cancelled job is there', [cancelled(sink('LOADING')), cancelled(sink('PENDING'))]],
  ])('goes on with sinks until %s', async (_what, jobs) => {
    const last = jobs.at(-1);
    const client = await serve([jobRunning(), ...jobs]);
    expect(await client.waitForJob('a1b2c3d4', { maxIntervalMs: 1, timeoutMs: 10_000 })).toEqual(last);
  });

  it.each<[string, Job]>([
    ['failed', failed('HEADER_MISMATCH', sink('PENDING'))],
    ['was cancelled', cancelled(sink('PENDING'))],
  ])('does not wait for the rows of a job that %s: they come when it is resumed', async (_what, job) => {
    const client = await serve([job]);
    expect(await client.waitForJob('a1b2c3d4', { timeoutMs: 10_000 })).toEqual(job);
  });

  it('leaves the sinks alone if it is for Kafka', async () => {
    const job = done(sink('RETRYING'));
    const client = await serve([jobRunning(), job]);
    expect(await client.waitForJob('a1b2c3d4', { until: 'kafka', maxIntervalMs: 1 })).toEqual(job);
  });
});

describe('the client', () => {
  it('asks for sinks as the contract says', async () => {
    const seen: unknown[] = [];
    server = await startServer(async (request, response) => {
      const body = (await readBody(request)).toString();
      seen.push([request.method, request.url, body === '' ? null : JSON.parse(body)]);
      answer(response, request.url === '/sinks' ? 200 : 202, request.url === '/sinks' ? [] : done(sink('PENDING')));
    });
    const client = createBatchClient({ baseUrl: server.url });
    expect(await client.listSinks()).toEqual([]);
    expect((await client.addSinks('a1b2c3d4', ['clickhouse', 'postgres'])).sinks).toHaveLength(1);
    await client.retrySink('a1b2c3d4', 'postgres');
    await client.removeSinkRows('a1b2c3d4', 'clickhouse');
    expect(seen).toEqual([
      ['GET', '/sinks', null],
      ['POST', '/jobs/a1b2c3d4/sinks', { sinks: ['clickhouse', 'postgres'] }],
      ['POST', '/jobs/a1b2c3d4/sinks/postgres/retry', null],
      ['DELETE', '/jobs/a1b2c3d4/sinks/clickhouse/rows', null],
    ]);
  });

  it('sends the options of sinks as form fields', async () => {
    let form = '';
    server = await startServer(async (request, response) => {
      form = (await readBody(request)).toString();
      answer(response, 202, jobRunning());
    });
    const client = createBatchClient({ baseUrl: server.url });
    const options = { sinkWhen: 'streaming', maxSinkErrors: 0, onConflict: 'skip' } as const;
    await client.createJob({
      modelId: 'orders',
      file: Buffer.from('id\n'),
      sinks: ['clickhouse', 'postgres'],
      ...options,
    });
    const fields = [...form.matchAll(/name="([^"]+)"\r\n\r\n(.*)\r\n/g)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(fields)).toMatchObject({
      sinks: 'clickhouse,postgres',
      sink_when: 'streaming',
      max_sink_errors: '0',
      on_conflict: 'skip',
    });
    await client.createJob({ modelId: 'orders', file: Buffer.from('id\n'), sinks: [] });
    expect(form).toMatch(/name="sinks"\r\n\r\nnone\r\n/);
  });
});
