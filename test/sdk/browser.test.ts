import type { RequestListener } from 'node:http';
import { createBatchClient } from '../../packages/sdk/src/browser.js';
import type { UploadContent } from '../../packages/sdk/src/upload-source.js';
import { answer, answerProblem, jobPending } from './contract.js';
import { readBody, startServer, type TestServer } from './http-server.js';

// What browsers load, in Node.js: there is no XMLHttpRequest here, as in a service worker. test/e2e/sdk-browser.test.ts has
// a browser.

const CSV = 'id,qty\n1,3\n2,5\n';
let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function clientOf(handler: RequestListener, maxOutageMs = 5000) {
  server = await startServer(handler);
  return createBatchClient({ baseUrl: server.url, retry: { maxOutageMs, baseDelayMs: 1, maxDelayMs: 5 } });
}

/** Uploads, and what the server got of the file. */
async function sent(file: UploadContent, more: { filename?: string; sizeBytes?: number } = {}): Promise<string> {
  let body = '';
  const client = await clientOf(async (request, response) => {
    body = (await readBody(request)).toString();
    answer(response, 202, jobPending());
  });
  const { job } = await client.createJob({ modelId: 'orders', file, ...more });
  expect(job.job_id).toBe('a1b2c3d4');
  return body;
}

async function* chunks() {
  yield 'id,qty\n';
  yield new TextEncoder().encode('1,3\n2,5\n');
}

describe('the entry for browsers', () => {
  it.each([
    ['a File', () => new File([CSV], 'orders.csv'), 'orders.csv'],
    ['a Blob', () => new Blob([CSV]), 'stream'],
    ['bytes', () => new TextEncoder().encode(CSV), 'stream'],
    ['a web stream', () => new Blob([CSV]).stream(), 'stream'],
    ['a generator', chunks, 'stream'],
  ])('sends %s', async (_what, content, filename) => {
    const body = await sent(content());
    expect(body).toContain(`name="file"; filename="${filename}"\r\n`);
    expect(body).toContain(`\r\n\r\n${CSV}\r\n`);
    expect(body.indexOf('name="model_id"')).toBeLessThan(body.indexOf('name="file"'));
  });

  it('takes another name for a File', async () => {
    expect(await sent(new File([CSV], 'orders.csv'), { filename: 'other.csv' })).toContain('filename="other.csv"');
  });

  it('refuses a path before it connects', async () => {
    const client = await clientOf(() => {
      throw new Error('nothing should have been sent');
    });
    const upload = client.createJob({ modelId: 'orders', file: 'orders.csv' });
    await expect(upload).rejects.toThrow(
      new TypeError("'orders.csv' is a path, which only Node.js can read: pass a File or another Blob"),
    );
    await expect(client.inferModel({ file: 'orders.csv' })).rejects.toThrow('is a path');
  });

  it.each([10, 20])('fails if a stream has another size than the %i bytes it promised', async (sizeBytes) => {
    const client = await clientOf((request) => void request.resume());
    const upload = client.createJob({ modelId: 'orders', file: chunks(), sizeBytes });
    await expect(upload).rejects.toMatchObject({ name: 'UploadSizeError', promised: sizeBytes });
  });

  it('gives up at once if the signal aborts while a stream stalls', async () => {
    const client = await clientOf(() => undefined);
    const stop = new AbortController();
    async function* stalling() {
      yield CSV;
      stop.abort(new Error('enough'));
      await new Promise(() => undefined);
    }
    const upload = client.createJob({ modelId: 'orders', file: stalling() }, { signal: stop.signal });
    await expect(upload).rejects.toThrow('enough');
  });

  it('reports progress, the end of it without XMLHttpRequest', async () => {
    const client = await clientOf(async (request, response) => {
      await readBody(request);
      answer(response, 202, jobPending());
    });
    const seen: unknown[] = [];
    await client.createJob({ modelId: 'orders', file: new Blob([CSV]) }, { onProgress: (step) => seen.push(step) });
    expect(seen).toEqual([0, CSV.length].map((bytesSent) => ({ bytesSent, bytesTotal: CSV.length })));
  });

  it('sends a Blob again if the answer is lost, and a stream never', async () => {
    const keys: unknown[] = [];
    const client = await clientOf(async (request, response) => {
      keys.push(request.headers['idempotency-key']);
      await readBody(request);
      if (keys.length % 2 === 1) request.socket.destroy();
      else answer(response, 200, jobPending(), { 'idempotency-replayed': 'true' });
    });
    expect(await client.createJob({ modelId: 'orders', file: new Blob([CSV]) })).toMatchObject({ replayed: true });
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
    await expect(client.createJob({ modelId: 'orders', file: chunks() })).rejects.toThrow('broke');
    expect(keys).toHaveLength(3);
  });

  it('proposes a model for a Blob by its first 8 MiB', async () => {
    let length = 0;
    const client = await clientOf(async (request, response) => {
      length = (await readBody(request)).length;
      answerProblem(response, 'INVALID_OPTION');
    });
    const file = new Blob(Array.from({ length: 9 }, () => 'x'.repeat(1024 ** 2)));
    await expect(client.inferModel({ file })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(length - 8 * 1024 ** 2).toBeGreaterThan(0);
    expect(length - 8 * 1024 ** 2).toBeLessThan(2000);
  });
});
