import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../kit/ports.js';

const REFUSED = 'HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

/** An HTTP server that is ready or not, and says who it is. It does not take what comes to /refuse, and stops within its answer at /break. */
class FakeApi {
  isReady = true;
  readonly #server: Server;

  private constructor(readonly name: string) {
    this.#server = createServer((asked, response) => {
      if (asked.url === '/readyz') return response.writeHead(this.isReady ? 200 : 503).end();
      if (asked.url === '/refuse') return asked.resume().socket.end(REFUSED);
      if (asked.url === '/break') return response.writeHead(200, { 'content-length': 1_000 }).write('a part');
      let bytes = 0;
      asked.on('data', (chunk: Buffer) => (bytes += chunk.length));
      return asked.on('end', () => response.end(`${name} ${bytes}`));
    });
  }

  static async start(name: string): Promise<FakeApi> {
    const api = new FakeApi(name);
    await once(api.#server.listen(0, '127.0.0.1'), 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

describe('the balancer of `up.sh --cluster`', () => {
  let port: number;
  let apis: FakeApi[];
  let balancer: ChildProcessWithoutNullStreams;
  let log = '';

  beforeEach(async () => {
    port = await freePort();
    apis = await Promise.all(['one', 'two'].map((name) => FakeApi.start(name)));
    const urls = apis.map(({ url }) => url);
    log = '';
    balancer = spawn(process.execPath, ['scripts/lib/balancer.mjs', `127.0.0.1:${port}`, ...urls]);
    balancer.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await said('listening at');
    for (const api of apis) await said(`${api.url} is ready`);
  });
  afterEach(async () => {
    for (const api of apis) api.stop();
    if (balancer.exitCode === null && balancer.kill('SIGKILL')) await once(balancer, 'exit');
  });

  /** Its log from now on, or before, has this line. */
  async function said(line: string): Promise<void> {
    for (const deadline = Date.now() + 60_000; !log.includes(line); await sleep(10)) {
      if (Date.now() > deadline) throw new Error(`The balancer has not said ${line}: ${log}`);
    }
  }

  /** Over a new connection. */
  async function ask(path = '/', body = Buffer.alloc(0)): Promise<{ status: number | undefined; answer: string }> {
    const asked = request({ port, path, host: '127.0.0.1', method: 'POST', agent: false });
    asked.on('error', () => undefined).end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return { status: response.statusCode, answer: await text(response) };
  }

  const askTenTimes = async (): Promise<string[]> => {
    const answers = [];
    for (let i = 0; i < 10; i++) answers.push((await ask()).answer);
    return answers.sort();
  };
  const both = [...Array(5).fill('one 0'), ...Array(5).fill('two 0')];
  const onlyTwo = Array(10).fill('two 0');

  it('gives the APIs new connections in turn', async () => {
    expect(await askTenTimes()).toEqual(both);
  });

  it('gives none to an API that is not ready, until it is ready again', async () => {
    const [one] = apis as [FakeApi];
    one.isReady = false;
    await said(`${one.url} is not ready`);
    expect(await askTenTimes()).toEqual(onlyTwo);
    one.isReady = true;
    log = '';
    await said(`${one.url} is ready`);
    expect(await askTenTimes()).toEqual(both);
  });

  it('goes to the other one at once if an API accepts no connections', async () => {
    apis[0]?.stop();
    expect(await askTenTimes()).toEqual(onlyTwo);
  });

  it('lets APIs say themselves what is wrong if none is ready', async () => {
    for (const api of apis) api.isReady = false;
    for (const api of apis) await said(`${api.url} is not ready`);
    expect((await ask('/readyz')).status).toBe(503);
  });

  it('passes large bodies, and an answer that comes before the end of one', async () => {
    const body = Buffer.alloc(32 * 1024 ** 2, 'x');
    expect((await ask('/upload', body)).answer).toMatch(new RegExp(` ${body.length}$`));
    expect((await ask('/refuse', body)).status).toBe(413);
  });

  it('ends the connection of a client whose API is gone', async () => {
    const asked = request({ port, path: '/break', host: '127.0.0.1', agent: false }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const read = text(response);
    for (const api of apis) api.stop();
    await expect(read).rejects.toThrow('aborted');
    await expect(ask()).rejects.toThrow(/hang up|ECONNRESET/);
  });

  it('ends at SIGTERM, and with it the connections that stay open', async () => {
    const idle = connect(port, '127.0.0.1').on('error', () => undefined);
    await once(idle, 'connect');
    balancer.kill('SIGTERM');
    balancer.kill('SIGTERM');
    expect(await once(balancer, 'exit')).toEqual([0, null]);
    if (!idle.closed) await once(idle, 'close');
  });
});
