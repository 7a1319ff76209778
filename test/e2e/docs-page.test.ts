import type { Browser, Locator, Page } from 'playwright-core';
import { Api } from '../kit/api.js';
import { hasBrowser, startBrowser } from '../kit/browser.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
/** For what the page shows at once on an idle machine. */
const PUBLISH_TIMEOUT_MS = 120_000;

(hasBrowser ? describe : describe.skip)('the documentation page in Chromium', () => {
  let server: Service;
  let api: Api;
  let browser: Browser;
  let page: Page;
  const troubles: string[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([startService({ brokers }), startBrowser()]);
    api = new Api(server.url);
    await api.createModel('orders', { id: 'String', qty: 'Int32' });
    page = await browser.newPage();
    page.setDefaultTimeout(PUBLISH_TIMEOUT_MS);
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (line) => line.text().includes('Content Security Policy') && troubles.push(line.text()));
    page.on('requestfailed', (request) => troubles.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) troubles.push(request.url());
    });
  });
  afterAll(() => Promise.all([browser?.close(), server?.stop()]));

  /** The form of an operation, as the page shows it once it is opened. */
  async function open(operationId: string): Promise<Locator> {
    await page.goto(`${server.url}/docs`);
    const operation = page.locator(`#operations-${operationId}`);
    await operation.locator('.opblock-summary').click();
    await operation.getByRole('button', { name: 'Execute' }).waitFor();
    return operation;
  }

  const field = (operation: Locator, name: string): Locator =>
    operation.locator(`tr[data-property-name="${name}"] input`).first();

  const choose = (operation: Locator, name: string, text: string): Promise<void> =>
    field(operation, 'file').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

  /** Sends the form by its button and returns what the service answered. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what came, whatever it is
  async function execute(operation: Locator): Promise<{ status: number; body: any }> {
    const [response] = await Promise.all([
      page.waitForResponse((candidate) => candidate.request().method() === 'POST'),
      operation.getByRole('button', { name: 'Execute' }).click(),
    ]);
    await operation.locator('.live-responses-table').waitFor();
    return { status: response.status(), body: await response.json() };
  }

  it('uploads a file as the form was loaded, and every row arrives', async () => {
    const operation = await open('jobs-createJob');
    await choose(operation, 'orders.csv', 'id,qty\na,1\nb,2\n"c ""x""",3\n');
    const { status, body } = await execute(operation);
    expect([status, body.model_id, body.metadata]).toEqual([202, 'orders', {}]);
    expect(body.dialect).toMatchObject({ delimiter: ',', quote: '"', escape: '"', comment: null });
    expect(await api.ended(body.job_id)).toMatchObject({ state: 'SUCCESS', totals: { rows: 3, ok: 3 } });
  });

  it('sends options that are typed in, JSON among them', async () => {
    const operation = await open('jobs-createJob');
    await choose(operation, 'orders.csv', 'Order;qty\na;1\n');
    await field(operation, 'delimiter').fill(';');
    await field(operation, 'rename').fill('{"Order":"id"}');
    const { status, body } = await execute(operation);
    expect([status, body.dialect?.delimiter, body.options?.rename]).toEqual([202, ';', { Order: 'id' }]);
    expect(await api.ended(body.job_id)).toMatchObject({ state: 'SUCCESS', totals: { rows: 1, ok: 1 } });
  });

  it('proposes a model for a file as the form was loaded', async () => {
    const operation = await open('models-inferModel');
    await choose(operation, 'orders.csv', 'id,qty\na,1\nb,2\n');
    const { status, body } = await execute(operation);
    expect(status).toBe(200);
    expect(body.schema).toEqual({ id: 'String', qty: 'Int32' });
  });

  it('works without another host, and without an error on the page', () => {
    expect(troubles).toEqual([]);
  });
});
