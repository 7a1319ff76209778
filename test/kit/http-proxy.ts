import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What becomes of a request: it passes, is never answered, its connection breaks, or its client gets this in place of the server's answer. */
export type RequestVerdict =
  | 'pass'
  | 'hang'
  | 'reset'
  | { status: number; headers?: Record<string, string>; body?: Buffer | string };

/**
 * What becomes of the body of an answer: it passes; ends after a number of bytes as if the server had died, or by a broken
 * connection; stands still there; or comes with a pause between its chunks.
 */
export type BodyVerdict =
  | 'pass'
  | { cutAfter: number }
  | { resetAfter: number }
  | { hangAfter: number }
  | { pauseMs: number };

/** An HTTP proxy before one server, on the loopback interface. Signed requests stay valid: the Host goes through as it is. */
export class HttpProxy {
  /** `path` with the query. */
  onRequest: (method: string, path: string, headers: IncomingHttpHeaders) => RequestVerdict = () => 'pass';
  /** Changes status and headers of an answer that passes. */
  onAnswer: (method: string, path: string, answer: { status: number; headers: OutgoingHttpHeaders }) => void = () =>
    undefined;
  /** `headers` of the request. */
  onBody: (method: string, path: string, status: number, headers: IncomingHttpHeaders) => BodyVerdict = () => 'pass';
  /** Method and path of all requests so far. */
  readonly requests: string[] = [];
  readonly #server: Server;
  #hanging = 0;

  private constructor(private readonly upstreamPort: number) {
    this.#server = createServer((client, answer) => this.#serve(client, answer));
  }

  static async start(upstreamPort: number): Promise<HttpProxy> {
    const proxy = new HttpProxy(upstreamPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Number of requests that are not answered and whose clients still wait. */
  get hanging(): number {
    return this.#hanging;
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
    const verdict = this.onRequest(method, url, headers);
    if (verdict !== 'pass') {
      client.resume();
      if (verdict === 'reset') client.socket.resetAndDestroy();
      else if (verdict === 'hang') {
        this.#hanging += 1;
        answer.once('close', () => {
          this.#hanging -= 1;
        });
      } else {
        client.once('end', () => answer.writeHead(verdict.status, verdict.headers).end(verdict.body));
      }
      return;
    }
    const upstream = request({ host: '127.0.0.1', port: this.upstreamPort, method, path: url, headers });
    upstream.on('error', () => answer.destroy());
    answer.on('close', () => upstream.destroy());
    upstream.once('response', (reply) => {
      const said = { status: reply.statusCode ?? 502, headers: { ...reply.headers } };
      this.onAnswer(method, url, said);
      answer.writeHead(said.status, said.headers);
      this.#passBody(reply, answer, this.onBody(method, url, said.status, headers));
    });
    client.pipe(upstream);
  }

  #passBody(reply: IncomingMessage, answer: ServerResponse, verdict: BodyVerdict): void {
    if (verdict === 'pass') {
      reply.pipe(answer);
      return;
    }
    if ('pauseMs' in verdict) {
      void this.#passSlowly(reply, answer, verdict.pauseMs);
      return;
    }
    const end = 'hangAfter' in verdict ? undefined : 'cutAfter' in verdict ? 'cut' : 'reset';
    let left = Object.values(verdict)[0] as number;
    reply.on('data', (chunk: Buffer) => {
      const bytes = chunk.subarray(0, left);
      left -= bytes.length;
      answer.write(bytes, () => {
        if (left > 0) return;
        if (end === 'cut') answer.destroy();
        if (end === 'reset') answer.socket?.resetAndDestroy();
      });
    });
  }

  async #passSlowly(reply: IncomingMessage, answer: ServerResponse, pauseMs: number): Promise<void> {
    try {
      for await (const chunk of reply) {
        answer.write(chunk);
        await sleep(pauseMs);
      }
      answer.end();
    } catch {
      answer.destroy();
    }
  }
}
