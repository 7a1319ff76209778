import { call, post, upload } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

/** Nobody listens there: the jobs of these tests never get as far. */
const CLICKHOUSE_URL = 'http://batch:secret@127.0.0.1:1/warehouse';

describe('sinks over HTTP', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await startTestApp({ CLICKHOUSE_URL, DEFAULT_SINKS: 'clickhouse' });
    await server.createModel('orders');
  });
  afterAll(() => server.close());

  async function createJob(...fields: [string, string][]) {
    const form = { fields: [['model_id', 'orders'], ...fields] as [string, string][], file: 'id,qty\na,1\n' };
    const { status, body } = await upload(server, form);
    expect(status).toBe(202);
    return body;
  }
  const remove = (path: string) => call(server, path, { method: 'DELETE' });

  it('of a new job are the defaults, and wait for it', async () => {
    const { job_id, sinks } = await createJob();
    expect(sinks).toEqual([
      {
        name: 'clickhouse',
        state: 'PENDING',
        rows: 0,
        rejected: 0,
        lag: 0,
        table: null,
        error: null,
        updated_at: expect.stringMatching(/Z$/),
      },
    ]);
    const { body } = await call(server, '/jobs');
    expect(body.find((job: { job_id: string }) => job.job_id === job_id).sinks).toEqual(sinks);
  });

  it('that are configured are listed, without the password of their URL', async () => {
    await createJob();
    const { status, body } = await call(server, '/sinks');
    expect([status, body]).toMatchObject([200, [{ name: 'clickhouse', loading: 0, retrying: 0, error: null }]]);
    expect(body[0].pending).toBeGreaterThan(0);
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('are added to a job that has none', async () => {
    const { job_id, sinks } = await createJob(['sinks', 'none']);
    expect(sinks).toEqual([]);
    const added = await post(server, `/jobs/${job_id}/sinks`, { sinks: ['clickhouse'] });
    expect([added.status, added.body]).toMatchObject([202, { job_id, sinks: [{ name: 'clickhouse' }] }]);
    const again = await post(server, `/jobs/${job_id}/sinks`, { sinks: ['clickhouse'] });
    expect(again.body).toMatchObject({ status: 409, error: 'SINK_STATE_CONFLICT' });
  });

  it.each<[string, unknown, string]>([
    ['no list', {}, 'INVALID_REQUEST'],
    ['an empty list', { sinks: [] }, 'INVALID_REQUEST'],
    ['text', { sinks: 'clickhouse' }, 'INVALID_REQUEST'],
    ['a sink twice', { sinks: ['clickhouse', 'clickhouse'] }, 'INVALID_REQUEST'],
    ['an unknown sink', { sinks: ['oracle'] }, 'INVALID_REQUEST'],
    ['an unknown member', { sinks: ['clickhouse'], when: 'now' }, 'INVALID_REQUEST'],
    ['a sink that is not configured', { sinks: ['postgres'] }, 'SINK_NOT_CONFIGURED'],
    ['half an object', '{"sinks":', 'INVALID_JSON'],
  ])('are not added if the body has %s', async (_what, body, error) => {
    const { job_id } = await createJob(['sinks', 'none']);
    expect((await post(server, `/jobs/${job_id}/sinks`, body)).body).toMatchObject({ status: 400, error });
    expect((await call(server, `/jobs/${job_id}`)).body.sinks).toEqual([]);
  });

  it('name the setting that is missing', async () => {
    const { job_id } = await createJob(['sinks', 'none']);
    const { body } = await post(server, `/jobs/${job_id}/sinks`, { sinks: ['postgres'] });
    expect(body.detail).toContain('POSTGRES_SINK_URL');
    const form = { fields: [['model_id', 'orders']] as [string, string][], file: 'id,qty\n', query: '?sinks=postgres' };
    expect((await upload(server, form)).body).toMatchObject({
      error: 'SINK_NOT_CONFIGURED',
      detail: expect.stringContaining('POSTGRES_SINK_URL'),
    });
  });

  it('have nothing to try again, and no rows to remove, while the job is under way', async () => {
    const { job_id } = await createJob();
    const conflict = { status: 409, error: 'SINK_STATE_CONFLICT' };
    expect((await call(server, `/jobs/${job_id}/sinks/clickhouse/retry`, { method: 'POST' })).body).toMatchObject(
      conflict,
    );
    expect((await remove(`/jobs/${job_id}/sinks/clickhouse/rows`)).body).toMatchObject({
      ...conflict,
      detail: expect.stringContaining(`\`DELETE /jobs/${job_id}\``),
    });
  });

  it('are not found in a job that is not loaded into them, nor in one that does not exist', async () => {
    const { job_id } = await createJob();
    for (const [method, path, status, error] of [
      ['POST', `/jobs/${job_id}/sinks/postgres/retry`, 404, 'SINK_NOT_FOUND'],
      ['DELETE', `/jobs/${job_id}/sinks/postgres/rows`, 404, 'SINK_NOT_FOUND'],
      ['POST', '/jobs/zzzzzzzz/sinks/clickhouse/retry', 404, 'JOB_NOT_FOUND'],
      ['DELETE', '/jobs/zzzzzzzz/sinks/clickhouse/rows', 404, 'JOB_NOT_FOUND'],
      ['POST', `/jobs/${job_id}/sinks/oracle/retry`, 400, 'INVALID_REQUEST'],
    ] as const) {
      expect((await call(server, path, { method })).body).toMatchObject({ status, error });
    }
    const added = await post(server, '/jobs/zzzzzzzz/sinks', { sinks: ['clickhouse'] });
    expect(added.body).toMatchObject({ status: 404, error: 'JOB_NOT_FOUND' });
  });
});
