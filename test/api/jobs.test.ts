import { call, upload } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

describe('jobs over HTTP', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await startTestApp();
    await server.createModel('orders');
    await server.createModel('others');
  });
  afterAll(() => server.close());

  async function createJob(model = 'orders'): Promise<string> {
    const { status, body } = await upload(server, { file: 'id,qty\n', query: `?model_id=${model}` });
    expect(status).toBe(202);
    return body.job_id;
  }

  it.each(['nope', 'a1b2c3d4', 'A1B2C3D4', 'a%20b', 'x'.repeat(5000)])('are not found under %#', async (id) => {
    const requests = [
      `/jobs/${id}`,
      { path: `/jobs/${id}`, method: 'DELETE' },
      { path: `/jobs/${id}/resume`, method: 'POST' },
    ];
    for (const request of requests) {
      const { path, method } = typeof request === 'string' ? { path: request, method: 'GET' } : request;
      expect((await call(server, path, { method })).body).toMatchObject({ status: 404, error: 'JOB_NOT_FOUND' });
    }
  });

  it('are cancelled once, and said to be after that', async () => {
    const id = await createJob();
    const first = await call(server, `/jobs/${id}`, { method: 'DELETE' });
    expect([first.status, first.body.state]).toEqual([202, 'CANCELLED']);
    const second = await call(server, `/jobs/${id}`, { method: 'DELETE' });
    expect([second.status, second.body.state]).toEqual([200, 'CANCELLED']);
  });

  it('are resumed after a cancel, but not while they wait', async () => {
    const id = await createJob();
    expect((await call(server, `/jobs/${id}/resume`, { method: 'POST' })).body).toMatchObject({
      status: 409,
      error: 'JOB_STATE_CONFLICT',
      detail: expect.stringContaining('PENDING'),
    });
    await call(server, `/jobs/${id}`, { method: 'DELETE' });
    const resumed = await call(server, `/jobs/${id}/resume`, { method: 'POST' });
    expect([resumed.status, resumed.body.state, resumed.body.attempt]).toEqual([202, 'PENDING', 2]);
  });

  it('are listed newest first, by state and model, page by page', async () => {
    const older = await createJob('others');
    const newer = await createJob('others');
    await call(server, `/jobs/${older}`, { method: 'DELETE' });
    const ids = async (query: string) =>
      (await call(server, `/jobs?${query}`)).body.map(({ job_id }: { job_id: string }) => job_id);
    expect(await ids('model_id=others')).toEqual([newer, older]);
    expect(await ids('model_id=others&state=CANCELLED')).toEqual([older]);
    expect(await ids('model_id=nobody')).toEqual([]);

    const page = await call(server, '/jobs?limit=1&model_id=others');
    const link = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
    expect(link).toContain('model_id=others');
    expect((await call(server, link)).body[0].job_id).toBe(older);
    expect((await call(server, link)).headers.get('link')).toBeNull();
  });

  it.each(['state=DONE', 'state=', 'model_id=a%20b', 'limit=1.5', 'cursor=%00', 'sort=asc'])(
    'refuse the query %s',
    async (query) => {
      expect((await call(server, `/jobs?${query}`)).body).toMatchObject({ status: 400, error: 'INVALID_REQUEST' });
    },
  );
});
