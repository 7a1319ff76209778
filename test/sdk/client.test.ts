import type { RequestListener } from 'node:http';
import { BatchApiError, createBatchClient, isOutage } from 'batch-ingest-sdk';
import { answer, answerProblem, contract, jobPartial, jobPending, jobRunning, problem } from './contract.js';
import { readBody, startServer, type TestServer } from './http-server.js';

const fast = { maxOutageMs: 500, baseDelayMs: 1, maxDelayMs: 5 };
let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function clientOf(handler: RequestListener, prefix = '') {
  server = await startServer(handler);
  return createBatchClient({ baseUrl: server.url + prefix, retry: fast });
}

describe('requests', () => {
  it('repeats a read after a lost answer', async () => {
    let requests = 0;
    const client = await clientOf((request, response) => {
      if (++requests < 3) request.socket.destroy();
      else answer(response, 200, jobRunning());
    });
    expect((await client.getJob('a1b2c3d4')).state).toBe('RUNNING');
    expect(requests).toBe(3);
  });

  it('asks for its headers before each request, if they are a function', async () => {
    const seen: unknown[] = [];
    server = await startServer((request, response) => {
      seen.push(request.headers['traceparent']);
      answer(response, 200, jobRunning());
    });
    let calls = 0;
    const headers = (): Record<string, string> => ({ traceparent: `trace ${++calls}` });
    const client = createBatchClient({ baseUrl: server.url, headers });
    await client.getJob('a1b2c3d4');
    await client.getJob('a1b2c3d4');
    expect(seen).toEqual(['trace 1', 'trace 2']);
  });

  it('repeats a read whose answer breaks off in the middle', async () => {
    let requests = 0;
    const client = await clientOf((request, response) => {
      if (++requests > 1) return answer(response, 200, jobRunning());
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"job_id":', () => request.socket.destroy());
    });
    expect((await client.getJob('a1b2c3d4')).job_id).toBe('a1b2c3d4');
    expect(requests).toBe(2);
  });

  it.each([
    ['createModel', (client: ReturnType<typeof createBatchClient>) => client.createModel({ name: 'm', schema: {} })],
    ['resumeJob', (client: ReturnType<typeof createBatchClient>) => client.resumeJob('a1b2c3d4')],
  ])('sends %s once: nobody knows whether it was carried out', async (_, call) => {
    let requests = 0;
    const client = await clientOf((request) => {
      requests++;
      request.socket.destroy();
    });
    await expect(call(client)).rejects.toMatchObject({ name: 'BatchConnectionError', replyLost: true });
    expect(requests).toBe(1);
  });

  it('gives up on a service that accepts the connection and says nothing', async () => {
    server = await startServer(() => undefined);
    const client = createBatchClient({ baseUrl: server.url, retry: { ...fast, maxOutageMs: 40 }, timeoutMs: 50 });
    await expect(client.getJob('a1b2c3d4')).rejects.toMatchObject({ name: 'BatchConnectionError', code: 'TIMEOUT' });
  });

  it.each([
    [404, 'text/html', '<h1>Not found</h1>'],
    [200, 'text/html', '<h1>It works</h1>'],
    [502, 'application/json', '{"oops":true}'],
  ])('says so when something else answers: %d %s', async (status, type, body) => {
    const client = await clientOf((_, response) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    });
    const error = await client.getJob('a1b2c3d4').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BatchApiError);
    expect(error).toMatchObject({ code: 'UNEXPECTED_RESPONSE', status, problem: null });
    expect((error as Error).message).toContain(`answered ${status} with ${type}`);
  });

  it('keeps the path before the routes of a service behind a proxy', async () => {
    const client = await clientOf((request, response) => answer(response, 200, { url: request.url }), '/ingest/');
    expect(await client.getJob('a1b2c3d4')).toEqual({ url: '/ingest/jobs/a1b2c3d4' });
  });

  it('escapes ids', async () => {
    const client = await clientOf((request, response) => answer(response, 200, { url: request.url }));
    expect(await client.getModel('../jobs?x=1')).toEqual({ url: '/models/..%2Fjobs%3Fx%3D1' });
  });

  it('reports readiness also when the service is not ready, and at once', async () => {
    const report = contract.paths['/readyz'].get.responses['503'].content['application/json'].examples.kafkaDown.value;
    let requests = 0;
    const client = await clientOf((_, response) => {
      requests++;
      answer(response, 503, report);
    });
    expect(await client.readiness()).toEqual(report);
    expect(requests).toBe(1);
  });

  it('sends a model as it is given', async () => {
    let body: unknown;
    const client = await clientOf(async (request, response) => {
      body = JSON.parse((await readBody(request)).toString());
      answer(response, 201, contract.components.examples.ModelOrders.value);
    });
    const model = { id: 'orders', name: 'Orders', schema: { id: 'String' } };
    expect((await client.createModel(model)).columns).toHaveLength(3);
    expect(body).toEqual(model);
  });

  it('leaves no listener behind on a signal that is used for many requests', async () => {
    const client = await clientOf((_, response) => answer(response, 200, jobRunning()));
    const stop = new AbortController();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    for (let n = 0; n < 50; n++) await client.getJob('a1b2c3d4', { signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

describe('lists', () => {
  const jobs = Array.from({ length: 7 }, (_, n) => ({ ...jobPending(), job_id: `job0000${n}` }));

  function paged(seen: string[]): RequestListener {
    return (request, response) => {
      seen.push(request.url ?? '');
      const query = new URL(request.url ?? '', 'http://any').searchParams;
      const start = Number(query.get('cursor') ?? 0);
      const end = start + Number(query.get('limit') ?? 100);
      query.set('cursor', String(end));
      const link: Record<string, string> = end < jobs.length ? { link: `</jobs?${query.toString()}>; rel="next"` } : {};
      answer(response, 200, jobs.slice(start, end), link);
    };
  }

  it('follows the pages, with the filter on each', async () => {
    const seen: string[] = [];
    const client = await clientOf(paged(seen));
    const ids: string[] = [];
    for await (const job of client.listJobs({ state: 'PENDING', modelId: 'orders' }, { pageSize: 3 })) {
      ids.push(job.job_id);
    }
    expect(ids).toEqual(jobs.map(({ job_id }) => job_id));
    expect(seen).toEqual([
      '/jobs?state=PENDING&model_id=orders&limit=3',
      '/jobs?state=PENDING&model_id=orders&limit=3&cursor=3',
      '/jobs?state=PENDING&model_id=orders&limit=3&cursor=6',
    ]);
  });

  it('fetches no page that nobody asked for', async () => {
    const seen: string[] = [];
    const client = await clientOf(paged(seen));
    for await (const job of client.listJobs({}, { pageSize: 3 })) if (job.job_id === 'job00002') break;
    expect(seen).toHaveLength(1);
  });

  it('repeats a page that got lost without doubling an entry', async () => {
    const seen: string[] = [];
    const handler = paged(seen);
    let requests = 0;
    const client = await clientOf((request, response) => {
      if (++requests === 2) request.socket.destroy();
      else handler(request, response);
    });
    const ids: string[] = [];
    for await (const job of client.listJobs({}, { pageSize: 4 })) ids.push(job.job_id);
    expect(ids).toEqual(jobs.map(({ job_id }) => job_id));
  });
});

describe('waitForJob', () => {
  it('reports every look and returns the finished job', async () => {
    const answers = [jobPending(), jobRunning(), jobPartial()];
    const client = await clientOf((_, response) => answer(response, 200, answers.shift()));
    const states: string[] = [];
    const job = await client.waitForJob('a1b2c3d4', {
      onProgress: ({ state }) => states.push(state),
      maxIntervalMs: 1,
    });
    expect(job.state).toBe('PARTIAL_SUCCESS');
    expect(states).toEqual(['PENDING', 'RUNNING', 'PARTIAL_SUCCESS']);
  });

  it('goes on when the service restarts meanwhile', async () => {
    const client = await clientOf((_, response) => answer(response, 200, jobRunning()));
    const port = Number(new URL(client.baseUrl).port);
    const waiting = client.waitForJob('a1b2c3d4', { maxIntervalMs: 1, maxOutageMs: 60_000 });
    await new Promise((resolve) => server?.server.once('request', resolve));
    await server?.close();
    server = await startServer((_, response) => answer(response, 200, jobPartial()), port);
    expect((await waiting).state).toBe('PARTIAL_SUCCESS');
  });

  it('waits for a service that is not there at the first look, and tells of it once', async () => {
    const client = await clientOf(() => undefined);
    const port = Number(new URL(client.baseUrl).port);
    await server?.close();
    const outages: unknown[] = [];
    let isAway: () => void = () => undefined;
    const away = new Promise<void>((resolve) => {
      isAway = resolve;
    });
    const waiting = client.waitForJob('a1b2c3d4', {
      maxIntervalMs: 1,
      maxOutageMs: 60_000,
      onOutage: ({ code }, maxOutageMs) => {
        outages.push([code, maxOutageMs]);
        setTimeout(isAway, 50);
      },
    });
    await away;
    server = await startServer((_, response) => answer(response, 200, jobPartial()), port);
    expect((await waiting).state).toBe('PARTIAL_SUCCESS');
    expect(outages).toEqual([['ECONNREFUSED', 60_000]]);
  });

  it('looks at a job again no sooner than a service that limits requests says', async () => {
    const looks: number[] = [];
    const client = await clientOf((_request, response) => {
      looks.push(performance.now());
      if (looks.length === 1) answerProblem(response, 'RATE_LIMITED', { 'retry-after': '1' });
      else answer(response, 200, jobPartial());
    });
    expect((await client.waitForJob('a1b2c3d4', { maxIntervalMs: 1, maxOutageMs: 60_000 })).state).toBe(
      'PARTIAL_SUCCESS',
    );
    const [first = 0, second = 0] = looks;
    // The timer may be a little early.
    expect([looks.length, second - first > 950]).toEqual([2, true]);
  });

  it('is told that the service is away before it gives up, however long its first look takes', async () => {
    server = await startServer((_, response) => void setTimeout(() => response.socket?.destroy(), 100));
    const client = createBatchClient({ baseUrl: server.url, retry: { ...fast, maxOutageMs: 0 } });
    let outages = 0;
    const onOutage = (): void => void outages++;
    await expect(client.waitForJob('a1b2c3d4', { maxIntervalMs: 1, maxOutageMs: 50, onOutage })).rejects.toMatchObject({
      name: 'BatchConnectionError',
    });
    expect(outages).toBe(1);
  });

  it('gives up on a service that is away for longer than it may', async () => {
    const client = await clientOf(() => undefined);
    await server?.close();
    const began = performance.now();
    const error = await client
      .waitForJob('a1b2c3d4', { maxIntervalMs: 10, maxOutageMs: 300 })
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(isOutage(error)).toBe(true);
    expect(performance.now() - began).toBeGreaterThanOrEqual(300);
  });

  it.each([
    [502, 'text/html', '<h1>Bad gateway</h1>'],
    [504, 'text/html', '<h1>Gateway timeout</h1>'],
    [500, 'application/problem+json', JSON.stringify(problem('INTERNAL_ERROR'))],
  ])('goes on after an answer that says nothing about the job: %d %s', async (status, type, body) => {
    let requests = 0;
    const client = await clientOf((_, response) => {
      if (++requests > 3) return answer(response, 200, jobPartial());
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    });
    const job = await client.waitForJob('a1b2c3d4', { maxIntervalMs: 1, maxOutageMs: 60_000 });
    expect([job.state, requests]).toEqual(['PARTIAL_SUCCESS', 4]);
  });

  it('does not wait for a job that does not exist', async () => {
    const client = await clientOf((_, response) => answerProblem(response, 'JOB_NOT_FOUND'));
    await expect(client.waitForJob('a1b2c3d5')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('throws the job as it was last seen when the time is over', async () => {
    const client = await clientOf((_, response) => answer(response, 200, jobRunning()));
    const waiting = client.waitForJob('a1b2c3d4', { timeoutMs: 20, maxIntervalMs: 1 });
    await expect(waiting).rejects.toMatchObject({ name: 'WaitTimeoutError', job: { state: 'RUNNING' } });
  });

  it('ends with the signal’s reason', async () => {
    const client = await clientOf((_, response) => answer(response, 200, jobRunning()));
    const stop = new AbortController();
    const waiting = client.waitForJob('a1b2c3d4', {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(waiting).rejects.toThrow('enough');
  });
});
