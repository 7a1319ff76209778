import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a request: it passes, or its client gets this status in place of the server's answer. */
export type RequestVerdict = 'pass' | { status: number };

/** What becomes of the body of an answer: it passes, ends after a number of bytes as if the server had died, or stands still there. */
export type BodyVerdict = 'pass' | { cutAfter: number } | { hangAfter: number };

/** An HTTP proxy before one S3 server, on the loopback interface. Signed requests stay valid: the Host goes through as it is. */
export class S3Proxy {
  /** `path` with the query. */
  onRequest: (method: string, path: string) => RequestVerdict = () => 'pass';
  onBody: (method: string, path: string, status: number) => BodyVerdict = () => 'pass';
  /** Method and path of all requests so far. */
  readonly requests: string[] = [];
  readonly #server: Server;

  private constructor(private readonly upstreamPort: number) {
    this.#server = createServer((client, answer) => this.#serve(client, answer));
  }

  static async start(upstreamPort: number): Promise<S3Proxy> {
    const proxy = new S3Proxy(upstreamPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #serve(client: IncomingMessage, answer: ServerResponse): void {
    const { method = '', url = '', headers } = client;
    this.requests.push(`${method} ${url}`);
    const verdict = this.onRequest(method, url);
    if (verdict !== 'pass') {
      client.resume();
      client.once('end', () => answer.writeHead(verdict.status).end());
      return;
    }
    const upstream = request({ host: '127.0.0.1', port: this.upstreamPort, method, path: url, headers });
    upstream.on('error', () => answer.destroy());
    answer.on('close', () => upstream.destroy());
    upstream.once('response', (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      this.#passBody(reply, answer, this.onBody(method, url, reply.statusCode ?? 502));
    });
    client.pipe(upstream);
  }

  #passBody(reply: IncomingMessage, answer: ServerResponse, verdict: BodyVerdict): void {
    if (verdict === 'pass') {
      reply.pipe(answer);
      return;
    }
    let left = 'cutAfter' in verdict ? verdict.cutAfter : verdict.hangAfter;
    reply.on('data', (chunk: Buffer) => {
      const bytes = chunk.subarray(0, left);
      left -= bytes.length;
      answer.write(bytes, () => {
        if (left === 0 && 'cutAfter' in verdict) answer.destroy();
      });
    });
  }
}
