import { setTimeout as sleep } from 'node:timers/promises';
import { BOUNDARY, chunk, FILE_PART, FORM_END, RawClient, uploadHead } from './support/raw-client.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const MAX = 1024 ** 2;
const IDLE_MS = 300;

describe('an answer that does not wait for the body', () => {
  let server: TestApp;
  let client: RawClient;

  beforeAll(async () => {
    server = await startTestApp({ MAX_UPLOAD_BYTES: `${MAX}`, UPLOAD_IDLE_MS: `${IDLE_MS}` });
    await server.createModel('orders');
  });
  beforeEach(async () => {
    server.kafka.up = true;
    client = await RawClient.connect(server.port);
  });
  afterEach(() => client.destroy());
  afterAll(() => server.close());

  /** Files disappear a moment after the answer or the abort at the latest. */
  async function expectNoPart(): Promise<void> {
    for (let i = 0; i < 100; i++) {
      if (!(await server.spooled()).some((name) => name.endsWith('.part'))) return;
      await sleep(20);
    }
    expect(await server.spooled()).toEqual([]);
  }

  it('says that Kafka is away without a byte of the body', async () => {
    server.kafka.up = false;
    await client.send(uploadHead({ 'content-length': 1000 }));
    const { status, headers, body } = await client.response();
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('5');
    expect(headers['content-type']).toContain('application/problem+json');
    expect(headers['connection']).not.toBe('close');
    expect(JSON.parse(body)).toMatchObject({ error: 'KAFKA_UNAVAILABLE', status: 503, instance: '/jobs' });
  });

  it('lets a client that goes on sending finish, and serves its next request', async () => {
    server.kafka.up = false;
    const body = Buffer.alloc(2 * MAX, 'a');
    await client.send(uploadHead({ 'content-length': body.length }));
    await client.send(body);
    expect((await client.response()).status).toBe(503);
    await client.send('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect((await client.response()).status).toBe(200);
  });

  it.each([
    ['HEAD', 503],
    ['model', 404],
    ['length', 413],
  ] as const)('answers Expect: 100-continue with the final status (%s)', async (what, expected) => {
    server.kafka.up = what !== 'HEAD';
    const length = what === 'length' ? MAX * 2 : 1000;
    const path = what === 'model' ? '/jobs?model_id=nope' : '/jobs?model_id=orders';
    await client.send(uploadHead({ 'content-length': length, expect: '100-continue' }, path));
    const { status, interim } = await client.response();
    expect({ status, interim }).toEqual({ status: expected, interim: [] });
  });

  it('invites the body of a client that waits for it', async () => {
    const body = `${FILE_PART}id,qty\n1,2\n${FORM_END}`;
    await client.send(uploadHead({ 'content-length': body.length, expect: '100-continue' }));
    await sleep(50);
    await client.send(body);
    const { status, interim } = await client.response();
    expect({ status, interim }).toEqual({ status: 202, interim: [100] });
  });

  it.each([
    ['model_id', 'nope', 404, 'MODEL_NOT_FOUND'],
    ['delimiter', ';;', 400, 'INVALID_OPTION'],
  ])('refuses a wrong %s field when the file begins, not when it ends', async (name, value, expected, code) => {
    const boundary = `--${BOUNDARY}`;
    const field = `${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    await client.send(uploadHead({ 'content-length': 1_000_000 }, '/jobs'));
    await client.send(`${field}${FILE_PART}id,qty\n1,2\n`);
    const { status, body } = await client.response();
    expect([status, (JSON.parse(body) as { error: string }).error]).toEqual([expected, code]);
    await expectNoPart();
  });

  it('refuses a file over the limit by its Content-Length', async () => {
    await client.send(uploadHead({ 'content-length': MAX + 64 * 1024 + 1 }));
    const { status, body } = await client.response();
    expect(status).toBe(413);
    expect(JSON.parse(body)).toMatchObject({ error: 'FILE_TOO_LARGE', detail: expect.stringContaining('1 MiB') });
  });

  it('refuses a chunked file as it crosses the limit, while the client is still sending', async () => {
    await client.send(uploadHead({ 'transfer-encoding': 'chunked' }));
    await client.send(chunk(FILE_PART));
    await client.send(chunk(Buffer.alloc(MAX, 'a')));
    await client.send(chunk('b'));
    expect((await client.response()).status).toBe(413);
    await expectNoPart();
    await client.send(chunk(Buffer.alloc(MAX, 'a')));
    await client.send(chunk(FORM_END));
    await client.send('0\r\n\r\n');
    await client.send('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect((await client.response()).status).toBe(200);
  });

  it('takes a chunked file of exactly the limit', async () => {
    await client.send(uploadHead({ 'transfer-encoding': 'chunked' }));
    await client.send(chunk(FILE_PART));
    await client.send(chunk(Buffer.alloc(MAX, 'a')));
    await client.send(chunk(FORM_END));
    await client.send('0\r\n\r\n');
    const { status, body } = await client.response();
    expect(status).toBe(202);
    expect(JSON.parse(body)).toMatchObject({ size_bytes: MAX, state: 'PENDING' });
  });

  it('refuses binary data after its first 64 KiB', async () => {
    await client.send(uploadHead({ 'transfer-encoding': 'chunked' }));
    await client.send(chunk(FILE_PART));
    await client.send(chunk(Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(64 * 1024, 1)])));
    const { status, body } = await client.response();
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({
      error: 'UNSUPPORTED_FILE_TYPE',
      detail: expect.stringContaining('zip archive'),
    });
    await expectNoPart();
  });

  it('refuses endless parts that are not a file', async () => {
    await client.send(uploadHead({ 'transfer-encoding': 'chunked' }));
    await client.send(chunk(FILE_PART.replace('; filename="a.csv"', '\r\ncontent-type: application/octet-stream')));
    await client.send(chunk(Buffer.alloc(256 * 1024, 'a')));
    const { status, body } = await client.response();
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: 'INVALID_OPTION', detail: expect.stringContaining('file name') });
  });

  const FIELD = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="delimiter"\r\n\r\n`;

  it.each([
    ['before', FIELD],
    ['after', `${FILE_PART}id,qty\n1,2\n\r\n${FIELD}`],
    ['without a name before', `--${BOUNDARY}\r\ncontent-disposition: form-data\r\n\r\n`],
  ])('refuses an endless field %s the file as it crosses its limit, and cuts the client off', async (_where, form) => {
    const endless = await startTestApp();
    await endless.createModel('orders');
    const sender = await RawClient.connect(endless.port);
    try {
      await sender.send(uploadHead({ 'content-length': 200 * MAX }));
      await sender.send(form);
      let isAnswered = false;
      const answer = sender.response().finally(() => {
        isAnswered = true;
      });
      for (let i = 0; i < 160 && !isAnswered; i++) {
        await sender.send(Buffer.alloc(64 * 1024, 'a'));
        await sleep(5);
      }
      const { status, body } = await answer;
      expect([status, JSON.parse(body).error]).toEqual([400, 'INVALID_OPTION']);
      const piece = Buffer.alloc(4 * MAX, 'a');
      const sendAll = async () => {
        for (let sent = 0; sent < 200 * MAX; sent += piece.length) await sender.send(piece);
      };
      await expect(sendAll()).rejects.toThrow();
      expect((await endless.spooled()).filter((name) => name.endsWith('.part'))).toEqual([]);
    } finally {
      sender.destroy();
      await endless.close();
    }
  });

  it('takes as many fields as it allows, each as long as it may be', async () => {
    const long = JSON.stringify({ a: 'x'.repeat(500) }).padEnd(8 * 1024);
    const metadata = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="metadata"\r\n\r\n${long}\r\n`;
    const body = `${metadata.repeat(40)}${FILE_PART}id,qty\n1,2\n${FORM_END}`;
    await client.send(uploadHead({ 'content-length': body.length }));
    await client.send(body);
    const { detail } = JSON.parse((await client.response()).body);
    expect(detail).toBe('metadata: given more than once');
  });

  it('ends an upload that stands still', async () => {
    await client.send(uploadHead({ 'content-length': 1000 }));
    await client.send(FILE_PART);
    const { status, body } = await client.response();
    expect(status).toBe(408);
    expect(JSON.parse(body)).toMatchObject({ error: 'UPLOAD_TIMEOUT' });
    await expectNoPart();
  });

  it('ends an upload that drips a byte now and then', async () => {
    await client.send(uploadHead({ 'content-length': 1000 }));
    await client.send(FILE_PART);
    let isAnswered = false;
    const answer = client.response().finally(() => {
      isAnswered = true;
    });
    while (!isAnswered) {
      await client.send('a');
      await sleep(IDLE_MS / 2);
    }
    const { status, body } = await answer;
    expect(status).toBe(408);
    expect(JSON.parse(body)).toMatchObject({
      error: 'UPLOAD_TIMEOUT',
      detail: expect.stringContaining('MIN_UPLOAD_RATE'),
    });
    await expectNoPart();
  });

  it('ends a JSON body that stands still', async () => {
    await client.send(
      'POST /models HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    );
    expect((await client.response()).status).toBe(408);
  });

  it('leaves no file of a client that goes away', async () => {
    await client.send(uploadHead({ 'content-length': 100_000 }));
    await client.send(FILE_PART + 'id,qty\n'.repeat(1000));
    while (!(await server.spooled()).some((name) => name.endsWith('.part'))) await sleep(10);
    client.destroy();
    await expectNoPart();
  });

  it('leaves no file of a body whose chunks are malformed', async () => {
    await client.send(uploadHead({ 'transfer-encoding': 'chunked' }));
    await client.send(chunk(`${FILE_PART}id,qty\n`));
    await client.send('this is not a chunk\r\n');
    expect((await client.response()).status).toBe(400);
    await expectNoPart();
  });

  it('cuts off a client that goes on and on', async () => {
    server.kafka.up = false;
    await client.send(uploadHead({ 'content-length': 1024 ** 3 }));
    expect((await client.response()).status).toBe(503);
    const piece = Buffer.alloc(4 * MAX, 'a');
    let sent = 0;
    const sendAll = async () => {
      for (; sent < 1024 ** 3; sent += piece.length) await client.send(piece);
    };
    await expect(sendAll()).rejects.toThrow();
    expect(sent).toBeLessThan(1024 ** 3);
  });

  it('says that the body ended too early', async () => {
    const body = `${FILE_PART}id,qty\n`;
    await client.send(uploadHead({ 'content-length': body.length }));
    await client.send(body);
    const answer = await client.response();
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'INVALID_MULTIPART' });
    await expectNoPart();
  });

  it('answers bytes that are not HTTP with a problem', async () => {
    await client.send('hello\r\n\r\n');
    const { status, headers, body } = await client.response();
    expect(status).toBe(400);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ error: 'INVALID_REQUEST' });
  });
});
