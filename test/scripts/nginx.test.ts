import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { hasNginx, type Nginx, startNginx } from '../kit/nginx.js';
import { freePort } from '../kit/ports.js';

const MiB = 1024 ** 2;

(hasNginx ? describe : describe.skip)('nginx before the APIs, as deploy/nginx has it', () => {
  let server: Server;
  let gone: number;
  let nginx: Nginx;
  let asked: IncomingMessage[];
  let answer: RequestListener;

  beforeAll(async () => {
    server = createServer((incoming, response) => {
      asked.push(incoming);
      answer(incoming, response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    gone = await freePort();
    answer = (_, response) => response.end();
    asked = [];
    // Nobody listens at the second one.
    nginx = await startNginx([`127.0.0.1:${(server.address() as AddressInfo).port}`, `127.0.0.1:${gone}`]);
  });
  beforeEach(() => {
    asked = [];
    answer = (incoming, response) => incoming.resume().on('end', () => response.end('done'));
  });
  afterAll(async () => {
    await nginx?.stop();
    server.close();
    server.closeAllConnections();
  });

  it('passes a file on as it comes, and keeps nothing of it', async () => {
    let received = 0;
    const [begun, first] = [Promise.withResolvers<void>(), Buffer.alloc(MiB)];
    answer = (incoming, response) => {
      incoming.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received === first.length) begun.resolve();
      });
      incoming.on('end', () => response.end('done'));
    };
    const upload = request(`${nginx.url}/jobs`, { method: 'POST', agent: false });
    upload.write(first);
    await begun.promise; // long before its end
    for (let i = 0; i < 63; i++) if (!upload.write(first)) await once(upload, 'drain');
    upload.end();
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    expect([response.statusCode, await text(response), received]).toEqual([200, 'done', 64 * MiB]);
    expect(nginx.log()).not.toContain('buffered to a temporary file');
  });

  it.each(['GET', 'POST'])('gives a %s to the other API if one accepts no connections', async (method) => {
    for (let i = 0; i < 4; i++) expect((await fetch(nginx.url, { method })).status).toBe(200);
    expect(asked.map((each) => each.method)).toEqual(Array(4).fill(method));
  });

  it('sends no POST twice, even if its API breaks off', async () => {
    answer = (incoming) => incoming.socket.destroy();
    expect((await fetch(`${nginx.url}/jobs`, { method: 'POST', body: 'a,b' })).status).toBe(502);
    expect((await fetch(`${nginx.url}/jobs/1/resume`, { method: 'POST' })).status).toBe(502);
    expect(asked).toHaveLength(2);
  });

  it("keeps the client's name of the service, and connections to the API", async () => {
    for (let i = 0; i < 3; i++) await text((await fetch(nginx.url)).body as never);
    expect(asked.map(({ headers }) => headers.host)).toEqual(Array(3).fill(new URL(nginx.url).host));
    expect(new Set(asked.map(({ socket }) => socket)).size).toBe(1);
  });
});
