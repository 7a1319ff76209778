import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { HttpAgent, HttpsAgent } from '../../src/http/index.js';
import { makeAuthority, makeCertificate } from '../kit/certificates.js';

const MiB = 1024 ** 2;

/** Bytes that are others at each place, and for each number. */
function bytesOf(number: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let at = 0; at < words.length; at++) words[at] = at * 2_654_435_761 + number * 40_503;
  return Buffer.from(words.buffer, 0, length);
}

/** `/<number>/<length>`, and behind that how the body ends. */
function answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const [, number, length, ending] = url.split('/');
  const body = bytesOf(Number(number), Number(length));
  if (ending === 'chunked')
    for (let at = 0; at < body.length; at += 100_000) response.write(body.subarray(at, at + 100_000));
  else if (ending === 'close') response.writeHead(200, { connection: 'close' }).write(body);
  else response.setHeader('content-length', body.length + (ending === 'truncated' ? 1 : 0)).write(body);
  if (ending === 'truncated') response.flushHeaders();
  if (ending === 'truncated') setImmediate(() => response.destroy());
  else response.end();
}

describe.each(['http', 'https'])('an agent of %s whose sockets share their memory', (scheme) => {
  let dir: string;
  let server: http.Server;
  let agent: http.Agent;
  let connections = 0;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'batch-http-agents-'));
    const authority = await makeAuthority(dir, 'authority');
    const { cert, key } = await makeCertificate(dir, 'server', authority, 'DNS:localhost');
    const files = { cert: readFileSync(cert), key: readFileSync(key) };
    server = scheme === 'http' ? http.createServer(answer) : https.createServer(files, answer);
    server.on('connection', () => {
      connections += 1;
    });
    await once(server.listen(0), 'listening');
    const options = { keepAlive: true, maxSockets: 8 };
    agent =
      scheme === 'http' ? new HttpAgent(options) : new HttpsAgent({ ...options, ca: readFileSync(authority.cert) });
  });
  beforeEach(() => {
    connections = 0;
  });
  afterAll(async () => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** By a name that has two addresses on most machines. */
  async function get(path: string): Promise<IncomingMessage> {
    const { port } = server.address() as AddressInfo;
    const request = (scheme === 'http' ? http : https).get(`${scheme}://localhost:${port}${path}`, { agent });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  it('gives each body its own bytes, however many come at once, and keeps the connections', async () => {
    const lengths = [0, 1, 100, 300_000, 3 * MiB, 262_144, 262_143, 65_536];
    for (let round = 0; round < 3; round++) {
      const bodies = await Promise.all(
        lengths.map(async (length, number) =>
          buffer(await get(`/${number + round}/${length}/${round === 1 ? 'chunked' : ''}`)),
        ),
      );
      for (const [number, body] of bodies.entries()) {
        expect(body.equals(bytesOf(number + round, lengths[number] as number))).toBe(true);
      }
    }
    expect(connections).toBeLessThanOrEqual(lengths.length);
  });

  it('keeps the beginning of a body that nobody reads yet, while others are read', async () => {
    const waiting = await Promise.all([1, 2, 3].map((number) => get(`/${number}/${4 * MiB}`)));
    for (const number of [4, 5, 6]) await buffer(await get(`/${number}/${MiB}`));
    for (const [index, response] of waiting.entries()) {
      expect((await buffer(response)).equals(bytesOf(index + 1, 4 * MiB))).toBe(true);
    }
  });

  it('ends a body with its connection, and says if that was too early', async () => {
    expect((await buffer(await get(`/1/${MiB}/close`))).equals(bytesOf(1, MiB))).toBe(true);
    await expect(buffer(await get(`/1/${MiB}/truncated`))).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
