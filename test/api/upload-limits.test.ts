import { BOUNDARY, FILE_PART, FORM_END, RawClient, uploadHead } from './support/raw-client.js';
import { call } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const FORM = `${FILE_PART}id,qty\n1,2\n${FORM_END}`;

describe('MAX_UPLOADS', () => {
  let server: TestApp;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    server = await startTestApp({ MAX_UPLOADS: '2' });
    await server.createModel('orders');
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });
  afterAll(() => server.close());

  async function connect(): Promise<RawClient> {
    const client = await RawClient.connect(server.port);
    clients.push(client);
    return client;
  }

  /** An upload that was invited to send its body, and so has its place, but does not. */
  async function hold(path: string): Promise<RawClient> {
    const client = await connect();
    const invited = new Promise((resolve) => client.socket.once('data', resolve));
    await client.send(uploadHead({ 'content-length': FORM.length, expect: '100-continue' }, path));
    await invited;
    return client;
  }

  /** Places are given back a moment after an upload has ended. */
  async function uploadWhenFree(): Promise<number> {
    for (;;) {
      const client = await connect();
      await client.send(`${uploadHead({ 'content-length': FORM.length })}${FORM}`);
      const { status } = await client.response();
      if (status !== 503) return status;
    }
  }

  it.each(['/jobs?model_id=orders', '/models/infer'])('refuses one too many at %s before its body', async (path) => {
    await hold('/jobs?model_id=orders');
    const other = await hold('/models/infer');
    const client = await connect();
    await client.send(uploadHead({ 'content-length': FORM.length, expect: '100-continue' }, path));
    const { status, interim, headers, body } = await client.response();
    expect([status, interim, headers['retry-after']]).toEqual([503, [], '2']);
    expect(JSON.parse(body)).toMatchObject({ error: 'SERVICE_BUSY', detail: expect.stringContaining('MAX_UPLOADS') });
    expect((await call(server, '/models')).status).toBe(200);
    other.destroy();
    expect(await uploadWhenFree()).toBe(202);
  });

  it('gives the places of refused and of finished uploads back', async () => {
    for (let i = 0; i < 5; i++) {
      const client = await connect();
      await client.send(`${uploadHead({ 'content-length': 4 })}oops`);
      expect((await client.response()).status).toBe(400);
    }
    for (let i = 0; i < 5; i++) expect(await uploadWhenFree()).toBe(202);
  });
});

describe('MIN_UPLOAD_RATE', () => {
  const FIELD = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="delimiter"\r\n\r\n`;

  /** Drips a byte now and then; resolves with the answer, or null if there is none for two periods of the rate. */
  async function drip(server: TestApp, path: string, form: string): Promise<unknown> {
    const client = await RawClient.connect(server.port);
    try {
      await client.send(uploadHead({ 'content-length': 1_000_000 }, path));
      await client.send(form);
      let answer: { status: number; body: string } | null = null;
      void client.response().then(
        (response) => {
          answer = response;
        },
        () => undefined,
      );
      for (let i = 0; i < 80 && answer === null; i++) {
        await client.send('a');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const given = answer as { status: number; body: string } | null;
      return given && [given.status, JSON.parse(given.body).error, JSON.parse(given.body).detail];
    } finally {
      client.destroy();
    }
  }

  it.each([
    ['the file', '/jobs?model_id=orders', FILE_PART],
    ['a field before it', '/jobs?model_id=orders', FIELD],
    ['the file of an inference', '/models/infer', FILE_PART],
  ])('ends an upload that drips %s', async (_what, path, form) => {
    const server = await startTestApp({ UPLOAD_IDLE_MS: '200', MIN_UPLOAD_RATE: '1000' });
    try {
      await server.createModel('orders');
      const message = expect.stringMatching(/^Only \d+ bytes arrived in \d+ ms: at least 1000 a second/);
      expect(await drip(server, path, form)).toEqual([408, 'UPLOAD_TIMEOUT', message]);
    } finally {
      await server.close();
    }
  });

  it('lets it, if it is 0', async () => {
    const server = await startTestApp({ UPLOAD_IDLE_MS: '200', MIN_UPLOAD_RATE: '0' });
    try {
      await server.createModel('orders');
      expect(await drip(server, '/jobs?model_id=orders', FILE_PART)).toBeNull();
    } finally {
      await server.close();
    }
  });
});
