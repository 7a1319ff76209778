import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Sdk from 'batch-ingest-sdk';
import type { Job, UploadProgress } from 'batch-ingest-sdk';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { Api } from '../kit/api.js';
import { hasBrowser, startBrowser } from '../kit/browser.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const built = fileURLToPath(new URL('../../packages/sdk/dist/esm/browser.js', import.meta.url));
/** A page of the service's own origin: requests of any other are refused. */
const PAGE = `<!doctype html>
<input type="file">
<script type="module">
  import * as sdk from './browser.js';
  Object.assign(window, { sdk });
</script>`;
/** 1 MiB, of few rows. */
const CSV = `id,qty\n${`${'x'.repeat(1022)},1\n`.repeat(1023)}`;
const BYTES_PER_SECOND = 2 * 1024 ** 2;

/** In the page. */
declare const sdk: typeof Sdk;
declare const location: { origin: string };
declare const document: { querySelector(selector: string): { files: File[] } };

(hasBrowser ? describe : describe.skip)('the SDK in Chromium', () => {
  let server: Service;
  let browser: Browser;
  let page: Page;
  let network: CDPSession;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-sdk-browser-'));
    [server, browser] = await Promise.all([startService({ brokers }), startBrowser()]);
    await new Api(server.url).createModel('orders', { id: 'String', qty: 'Int32' });
    page = await browser.newPage();
    network = await page.context().newCDPSession(page);
    await page.route('**/sdk/', (route) => route.fulfill({ contentType: 'text/html', body: PAGE }));
    await page.route('**/sdk/browser.js', (route) => route.fulfill({ path: built }));
    await page.goto(`${server.url}/sdk/`);
    await page.waitForFunction('window.sdk');
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), server?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('uploads a File, tells how much of it is sent, and sees the job through', async () => {
    await page.locator('input').setInputFiles({ name: 'orders.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV) });
    // Slow enough that there is something to tell between the beginning and the end.
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: BYTES_PER_SECOND };
    await network.send('Network.enable');
    await network.send('Network.emulateNetworkConditions', slow);
    const { job, steps } = await page.evaluate(async (): Promise<{ job: Job; steps: UploadProgress[] }> => {
      const client = sdk.createBatchClient({ baseUrl: location.origin });
      const file = document.querySelector('input').files[0] as File;
      const steps: UploadProgress[] = [];
      const { job } = await client.createJob({ modelId: 'orders', file }, { onProgress: (step) => steps.push(step) });
      return { job: await client.waitForJob(job.job_id), steps };
    });
    await network.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 });
    expect(job).toMatchObject({ state: 'SUCCESS', filename: 'orders.csv', size_bytes: CSV.length });
    expect(job.totals).toMatchObject({ rows: 1023, ok: 1023 });
    expect(steps.every(({ bytesTotal }) => bytesTotal === CSV.length)).toBe(true);
    const sent = steps.map(({ bytesSent }) => bytesSent);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    expect([sent[0], sent.at(-1)]).toEqual([0, CSV.length]);
    expect(sent.filter((bytes) => bytes > 0 && bytes < CSV.length)).not.toEqual([]);
  });

  it('knows what the service refuses, that it is gone, and that somebody gave up', async () => {
    const outcomes = await page.evaluate(async () => {
      const outcomeOf = (attempt: Promise<unknown>) =>
        attempt.then(
          () => 'fine',
          (error: Error & { code?: string }) => `${error.name} ${error.code ?? error.message}`,
        );
      const at = (baseUrl: string) => sdk.createBatchClient({ baseUrl, retry: { maxOutageMs: 0 } });
      const file = new File(['id,qty\na,1\n'], 'orders.csv');
      const upload = (baseUrl: string, modelId: string, signal?: AbortSignal) =>
        outcomeOf(at(baseUrl).createJob({ modelId, file }, { signal }));
      return [
        await upload(location.origin, 'unknown'),
        await upload('http://127.0.0.1:9', 'orders'),
        await outcomeOf(at('http://127.0.0.1:9').getJob('a1b2c3d4')),
        await upload(location.origin, 'orders', AbortSignal.abort(new Error('enough'))),
      ];
    });
    expect(outcomes).toEqual([
      'BatchApiError MODEL_NOT_FOUND',
      'BatchConnectionError NETWORK_ERROR',
      'BatchConnectionError NETWORK_ERROR',
      'Error enough',
    ]);
  });

  it('says that a file is gone since it was chosen', async () => {
    const path = join(folder, 'orders.csv');
    await writeFile(path, CSV);
    await page.locator('input').setInputFiles(path);
    await rm(path);
    const outcome = await page.evaluate(() => {
      const file = document.querySelector('input').files[0] as File;
      const client = sdk.createBatchClient({ baseUrl: location.origin, retry: { maxOutageMs: 0 } });
      const upload = client.createJob({ modelId: 'orders', file });
      return upload.then(
        () => 'fine',
        (error: Error) => error.message,
      );
    });
    expect(outcome).toBe('orders.csv cannot be read: it changed since it was chosen, or is gone');
  });
});
