import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BatchApiError, BatchConnectionError, createBatchClient, isOutage, UploadSizeError } from 'batch-ingest-sdk';
import { answer, answerProblem, jobPending } from './contract.js';
import { readBody, startServer, type TestServer } from './http-server.js';

const CSV = 'id,qty\n1,3\n2,5\n';
const MiB = 1024 ** 2;
const fast = { maxOutageMs: 5000, baseDelayMs: 1, maxDelayMs: 5 };

let folder: string;
let path: string;
let server: TestServer | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-sdk-'));
  path = join(folder, 'orders.csv');
  await writeFile(path, CSV);
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});
afterAll(() => rm(folder, { recursive: true }));

async function clientOf(handler: Parameters<typeof startServer>[0]) {
  server = await startServer(handler);
  return createBatchClient({ baseUrl: server.url, retry: fast });
}

function keyOf(request: IncomingMessage) {
  return String(request.headers['idempotency-key']);
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

async function* generate(chunk: Uint8Array, times: number, onChunk: (n: number) => void = () => undefined) {
  for (let n = 1; n <= times; n++) {
    onChunk(n);
    yield chunk;
  }
}

describe('createJob', () => {
  it('names the job whose kept file is taken, without a file', async () => {
    let seen = { body: '', key: '' };
    const client = await clientOf(async (request, response) => {
      seen = { body: (await readBody(request)).toString(), key: keyOf(request) };
      answer(response, 202, jobPending());
    });
    const { job } = await client.createJob({ modelId: 'orders', fromJob: 'a1b2c3d4', delimiter: ';' });
    expect(job).toEqual(jobPending());
    const parts = [...seen.body.matchAll(/name="([^"]+)"\r\n\r\n([^\r]*)/g)].map(([, name, value]) => [name, value]);
    expect(parts).toEqual([
      ['model_id', 'orders'],
      ['from_job', 'a1b2c3d4'],
      ['delimiter', ';'],
    ]);
    expect(seen.key).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('names a file that the service reads where it lies, as JSON, and repeats that', async () => {
    const seen: { body: unknown; key: string; type: string | undefined }[] = [];
    const client = await clientOf(async (request, response) => {
      const body: unknown = JSON.parse((await readBody(request)).toString());
      seen.push({ body, key: keyOf(request), type: request.headers['content-type'] });
      if (seen.length === 1) answerProblem(response, 'SOURCE_UNAVAILABLE', { 'retry-after': '0' });
      else answer(response, 202, jobPending());
    });
    const { job } = await client.createJob({
      modelId: 'orders',
      source: 's3://bucket/a.csv',
      trim: false,
      nullValues: ['NULL', 'N/A'],
      rename: { 'Order ID': 'id' },
      sinks: [],
      expect: { rows: 2 },
      metadata: { day: '1' },
    });
    expect(job).toEqual(jobPending());
    expect(seen[0]).toEqual({
      key: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'application/json',
      body: {
        model_id: 'orders',
        source: { uri: 's3://bucket/a.csv' },
        options: {
          trim: false,
          null_values: ['NULL', 'N/A'],
          rename: { 'Order ID': 'id' },
          sinks: [],
          expect: { rows: 2 },
        },
        metadata: { day: '1' },
      },
    });
    expect(seen[1]).toEqual(seen[0]);
  });

  it('waits as long as a service that limits requests says, and sends the same request', async () => {
    const seen: { at: number; key: string; body: string }[] = [];
    const client = await clientOf(async (request, response) => {
      seen.push({ at: performance.now(), key: keyOf(request), body: (await readBody(request)).toString() });
      if (seen.length === 1) answerProblem(response, 'RATE_LIMITED', { 'retry-after': '1' });
      else answer(response, 202, jobPending());
    });
    const { job } = await client.createJob({ modelId: 'orders', file: path });
    expect(job).toEqual(jobPending());
    const [first, second] = seen;
    expect([second?.key, seen.length]).toEqual([first?.key, 2]);
    expect(second?.body).toContain(CSV);
    // Longer than maxDelayMs: the timer may be a little early.
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(950);
  });

  it('does not wait for longer than maxOutageMs for a service that limits requests', async () => {
    let requests = 0;
    const client = await clientOf(async (request, response) => {
      requests += 1;
      await readBody(request);
      answerProblem(response, 'RATE_LIMITED', { 'retry-after': '6' });
    });
    const error = await client.createJob({ modelId: 'orders', file: path }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'RATE_LIMITED', status: 429, retryAfterMs: 6000 });
    expect([requests, isOutage(error)]).toEqual([1, false]);
  });

  it('sends the file under its own name, with its options, its size and an idempotency key', async () => {
    let seen = { body: '', length: '', key: '' };
    const client = await clientOf(async (request, response) => {
      const body = (await readBody(request)).toString();
      seen = { body, length: String(request.headers['content-length']), key: keyOf(request) };
      answer(response, 202, jobPending());
    });
    const { job, replayed } = await client.createJob({
      modelId: 'orders',
      file: path,
      format: 'csv',
      delimiter: ';',
      header: false,
      valueFormat: 'json',
      compression: 'zstd',
      nullValues: ['NULL', 'N/A'],
      rename: { 'Order ID': 'id' },
      ignoreHeaderCase: true,
      csvReader: 'reference',
      metadata: { source: 'crm' },
    });
    expect(job.job_id).toBe('a1b2c3d4');
    expect(replayed).toBe(false);
    expect(seen.length).toBe(String(seen.body.length));
    expect(seen.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen.body).toContain('name="file"; filename="orders.csv"');
    const fields = [...seen.body.matchAll(/name="([^"]+)"\r\n\r\n(.*)\r\n/g)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(fields)).toEqual({
      model_id: 'orders',
      format: 'csv',
      delimiter: ';',
      header: 'false',
      value_format: 'json',
      compression: 'zstd',
      null_values: 'NULL,N/A',
      rename: '{"Order ID":"id"}',
      ignore_header_case: 'true',
      csv_reader: 'reference',
      'metadata.source': 'crm',
    });
  });

  it('sends the whole file again under the same key when the answer is lost, and takes the job that exists', async () => {
    const seen: Array<{ key: string; body: string }> = [];
    const client = await clientOf(async (request, response) => {
      seen.push({ key: keyOf(request), body: (await readBody(request)).toString() });
      if (seen.length < 3) request.socket.destroy();
      else answer(response, 200, jobPending(), { 'idempotency-replayed': 'true' });
    });
    const { job, replayed } = await client.createJob({ modelId: 'orders', file: path });
    expect(job.job_id).toBe('a1b2c3d4');
    expect(replayed).toBe(true);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
    for (const { body } of seen) expect(body).toContain(CSV);
  });

  it('gives up after the policy’s time and says that the connection broke', async () => {
    let requests = 0;
    server = await startServer((request) => {
      requests++;
      request.socket.destroy();
    });
    const client = createBatchClient({ baseUrl: server.url, retry: { ...fast, maxOutageMs: 20 } });
    const error = await client.createJob({ modelId: 'orders', file: path }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BatchConnectionError);
    expect(error).toMatchObject({ replyLost: true, url: server?.url });
    expect(requests).toBeGreaterThan(3);
  });

  it('waits as Retry-After says after a 503, within its own bound, and tells about it', async () => {
    let requests = 0;
    server = await startServer(async (request, response) => {
      await readBody(request);
      if (++requests === 1) answerProblem(response, 'KAFKA_UNAVAILABLE', { 'retry-after': '7' });
      else answer(response, 202, jobPending());
    });
    const notices: unknown[] = [];
    const client = createBatchClient({
      baseUrl: server.url,
      retry: fast,
      onRetry: ({ error, retry, delayMs, leftMs }) => notices.push([error.code, retry, delayMs, leftMs]),
    });
    await client.createJob({ modelId: 'orders', file: path });
    expect(requests).toBe(2);
    expect(notices).toEqual([['KAFKA_UNAVAILABLE', 1, 5, 5000]]);
  });

  it('takes a file that is in memory, with its size, and sends it again', async () => {
    const seen: string[] = [];
    const client = await clientOf(async (request, response) => {
      const body = (await readBody(request)).toString();
      expect(request.headers['content-length']).toBe(String(body.length));
      seen.push(body);
      if (seen.length < 2) request.socket.destroy();
      else answer(response, 202, jobPending());
    });
    await client.createJob({ modelId: 'orders', file: Buffer.from(CSV), filename: 'orders.csv' });
    expect(seen).toHaveLength(2);
    for (const body of seen) expect(body).toContain(CSV);
  });

  it('never repeats the upload of a stream, which cannot be read twice', async () => {
    let requests = 0;
    const client = await clientOf(async (request) => {
      requests++;
      await readBody(request);
      request.socket.destroy();
    });
    const upload = client.createJob({ modelId: 'orders', file: generate(Buffer.from(CSV), 1) });
    await expect(upload).rejects.toBeInstanceOf(BatchConnectionError);
    expect(requests).toBe(1);
  });

  it('never repeats what the service refused', async () => {
    let requests = 0;
    const client = await clientOf(async (request, response) => {
      requests++;
      await readBody(request);
      answerProblem(response, 'MODEL_NOT_FOUND');
    });
    const error = await client.createJob({ modelId: 'nope', file: path }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BatchApiError);
    expect(error).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      status: 404,
      hint: expect.stringContaining('GET /models'),
      request_id: '8f14e45f-ceea-467f-a8b3-5c1c8a1f2d10',
      problem: expect.objectContaining({ title: 'There is no such model' }),
    });
    expect(requests).toBe(1);
  });

  it('waits for a service that is not there yet, and sends the file once it is', async () => {
    const client = await clientOf(() => undefined);
    const port = Number(new URL(client.baseUrl).port);
    await server?.close();
    const bodies: string[] = [];
    let isRefused: () => void = () => undefined;
    const refused = new Promise<void>((resolve) => {
      isRefused = resolve;
    });
    const patient = createBatchClient({
      baseUrl: client.baseUrl,
      retry: { ...fast, maxOutageMs: 60_000 },
      onRetry: ({ retry }) => retry === 3 && isRefused(),
    });
    const sending = patient.createJob({ modelId: 'orders', file: path });
    await refused;
    server = await startServer(async (request, response) => {
      bodies.push((await readBody(request)).toString());
      answer(response, 202, jobPending());
    }, port);
    expect((await sending).job.job_id).toBe('a1b2c3d4');
    expect(bodies).toEqual([expect.stringContaining(CSV)]);
  });

  it('gives up on a service that is not there for longer than the policy says', async () => {
    const client = await clientOf(() => undefined);
    await server?.close();
    const impatient = createBatchClient({ baseUrl: client.baseUrl, retry: { ...fast, maxOutageMs: 100 } });
    const began = performance.now();
    const error = await impatient.createJob({ modelId: 'orders', file: path }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'BatchConnectionError', code: 'ECONNREFUSED', replyLost: false });
    expect(performance.now() - began).toBeGreaterThanOrEqual(95);
    await expect(client.getJob('a1b2c3d4')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('takes an answer that comes before the body was read, and stops reading the file', async () => {
    let pulled = 0;
    const client = await clientOf((request, response) => {
      answerProblem(response, 'FILE_TOO_LARGE');
      request.resume();
    });
    const endless = generate(new Uint8Array(256 * 1024), Number.POSITIVE_INFINITY, (n) => {
      pulled = n;
    });
    const upload = client.createJob({ modelId: 'orders', file: endless });
    await expect(upload).rejects.toMatchObject({ code: 'FILE_TOO_LARGE', status: 413 });
    expect(await endless.next()).toEqual({ done: true, value: undefined });
    expect(pulled).toBeGreaterThan(0);
  });

  it('holds a few chunks of a large upload, whatever its size', async () => {
    let received = 0;
    let ahead = 0;
    const client = await clientOf(async (request, response) => {
      for await (const chunk of request) received += (chunk as Buffer).length;
      answer(response, 202, jobPending());
    });
    const chunk = new Uint8Array(256 * 1024);
    const file = generate(chunk, 256, (n) => {
      ahead = Math.max(ahead, n * chunk.length - received);
    });
    const sent: number[] = [];
    await client.createJob(
      { modelId: 'orders', file },
      { onProgress: ({ bytesSent, bytesTotal }) => sent.push(bytesTotal === null ? bytesSent : -1) },
    );
    expect(received).toBeGreaterThan(64 * MiB);
    expect(ahead).toBeLessThan(16 * MiB);
    expect(sent).toHaveLength(257);
    expect(sent.at(-1)).toBe(64 * MiB);
  });

  it('keeps nothing of what is sent already', async () => {
    const client = await clientOf(async (request, response) => {
      for await (const _chunk of request);
      answer(response, 202, jobPending());
    });
    const collect = garbageCollector();
    const kept: number[] = [];
    async function* fresh() {
      const chunks: WeakRef<Uint8Array>[] = [];
      for (let n = 1; n <= 200; n++) {
        const chunk = new Uint8Array(64 * 1024);
        chunks.push(new WeakRef(chunk));
        yield chunk;
        if (n % 50 > 0) continue;
        await new Promise((resolve) => setTimeout(resolve));
        collect();
        kept.push(chunks.filter((reference) => reference.deref() !== undefined).length);
      }
    }
    await client.createJob({ modelId: 'orders', file: fresh() });
    expect(kept).toHaveLength(4);
    expect(Math.max(...kept)).toBeLessThan(50);
  });

  it('reports progress against the size of a file', async () => {
    const client = await clientOf(async (request, response) => {
      await readBody(request);
      answer(response, 202, jobPending());
    });
    const progress: unknown[] = [];
    await client.createJob({ modelId: 'orders', file: path }, { onProgress: (step) => progress.push(step) });
    expect(progress).toEqual([
      { bytesSent: 0, bytesTotal: CSV.length },
      { bytesSent: CSV.length, bytesTotal: CSV.length },
    ]);
  });

  it('fails with the reason when the file shrinks while it is read', async () => {
    const client = await clientOf((request) => void request.resume());
    const shrinking = join(folder, 'shrinking.csv');
    await writeFile(shrinking, new Uint8Array(4 * MiB));
    const upload = client.createJob(
      { modelId: 'orders', file: shrinking },
      { onProgress: ({ bytesSent }) => bytesSent > 0 && bytesSent < MiB && void truncate(shrinking, 2 * MiB) },
    );
    await expect(upload).rejects.toBeInstanceOf(UploadSizeError);
  });

  it('says what is wrong with a path before it connects', async () => {
    const client = await clientOf(() => {
      throw new Error('nothing should have been sent');
    });
    await expect(client.createJob({ modelId: 'm', file: join(folder, 'gone.csv') })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await expect(client.createJob({ modelId: 'm', file: folder })).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('says at once that a header is malformed', async () => {
    const client = await clientOf(() => {
      throw new Error('nothing should have been sent');
    });
    const upload = client.createJob({ modelId: 'orders', file: path }, { idempotencyKey: 'two\nlines' });
    await expect(upload).rejects.toMatchObject({ name: 'TypeError' });
  });

  it.each([
    ['a File', () => new File([CSV], 'mine.csv'), 'mine.csv', String(CSV.length)],
    ['a Blob', () => new Blob([CSV]), 'stream', String(CSV.length)],
    ['a web stream', () => new Blob([CSV]).stream(), 'stream', undefined],
  ])('takes %s, with its name and size if it has them', async (_what, content, filename, size) => {
    let seen = { body: '', size: '' as string | undefined };
    const client = await clientOf(async (request, response) => {
      const body = (await readBody(request)).toString();
      const length = request.headers['content-length'];
      const overhead = body.length - CSV.length;
      seen = { body, size: length === undefined ? undefined : String(Number(length) - overhead) };
      answer(response, 202, jobPending());
    });
    await client.createJob({ modelId: 'orders', file: content() });
    expect(seen.body).toContain(`filename="${filename}"`);
    expect(seen.body).toContain(CSV);
    expect(seen.size).toBe(size);
  });

  it('ends with the signal’s reason, and the file is let go', async () => {
    const client = await clientOf((request) => void request.resume());
    const stop = new AbortController();
    const endless = generate(new Uint8Array(1024), Number.POSITIVE_INFINITY, (n) => {
      if (n === 100) stop.abort(new Error('enough'));
    });
    const upload = client.createJob({ modelId: 'orders', file: endless }, { signal: stop.signal });
    await expect(upload).rejects.toThrow('enough');
    expect(await endless.next()).toEqual({ done: true, value: undefined });
  });
});
