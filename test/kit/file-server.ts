import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificates.js';

export interface ServedFile {
  readonly content: Buffer;
  readonly modified: Date;
}

/** A web server of files with entity tags and ranges (RFC 9110), on the loopback interface. */
export class FileServer {
  /** By their paths, decoded, without a slash at the beginning. */
  readonly files = new Map<string, ServedFile>();
  /** Paths that are refused with this status. */
  readonly refused = new Map<string, number>();
  /** Paths that lead elsewhere. */
  readonly redirects = new Map<string, string>();
  /** What tells versions apart. */
  validators: 'strong' | 'weak' | 'date' | 'none' = 'strong';
  hasRanges = true;
  /** Sent with each file. */
  contentEncoding: string | undefined;
  readonly requests: IncomingMessage[] = [];
  readonly #server: Server;

  private constructor(
    server: Server,
    private readonly scheme: string,
  ) {
    this.#server = server.on('request', (request, answer) => this.#serve(request, answer));
  }

  /** With TLS if there is a certificate. */
  static async start(certificate?: Certificate): Promise<FileServer> {
    const isSecure = certificate !== undefined;
    const server = isSecure
      ? createSecureServer({ cert: await readFile(certificate.cert), key: await readFile(certificate.key) })
      : createServer();
    const files = new FileServer(server, isSecure ? 'https' : 'http');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return files;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Without a slash at the end. */
  get url(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #serve(request: IncomingMessage, answer: ServerResponse): void {
    this.requests.push(request);
    const path = decodeURIComponent(new URL(request.url ?? '', this.url).pathname.slice(1));
    const location = this.redirects.get(path);
    if (location !== undefined) {
      answer.writeHead(302, { location }).end();
      return;
    }
    const file = this.files.get(path);
    const status = this.refused.get(path) ?? (file === undefined ? 404 : 200);
    if (file === undefined || status !== 200) answer.writeHead(status).end();
    else this.#send(file, request, answer);
  }

  #send({ content, modified }: ServedFile, { headers }: IncomingMessage, answer: ServerResponse): void {
    const tag = `"${createHash('sha256').update(content).digest('hex').slice(0, 16)}"`;
    const date = modified.toUTCString();
    const { validators } = this;
    if (validators === 'strong') answer.setHeader('etag', tag);
    if (validators === 'weak') answer.setHeader('etag', `W/${tag}`);
    if (validators !== 'none') answer.setHeader('last-modified', date);
    if (this.contentEncoding !== undefined) answer.setHeader('content-encoding', this.contentEncoding);
    const condition = headers['if-range'];
    const isSame = condition === undefined || condition === (validators === 'strong' ? tag : date);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    if (!this.hasRanges || !isSame || first === undefined) {
      answer.writeHead(200, { 'content-length': content.length }).end(content);
      return;
    }
    const [from, to] = [Number(first), Math.min(Number(last) + 1, content.length)];
    if (from >= content.length) {
      answer.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
      return;
    }
    const range = `bytes ${from}-${to - 1}/${content.length}`;
    answer.writeHead(206, { 'content-range': range, 'content-length': to - from }).end(content.subarray(from, to));
  }
}
