import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Certificate } from './certificates.js';

/** An unsecured JSON Web Token, as Kafka's own login module for tests takes them. */
export function unsecuredToken(claims: Record<string, unknown>): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

export interface TokenRequest {
  /** The client's name, by Basic authentication. */
  readonly client: string;
  readonly form: URLSearchParams;
}

/** Status and body, or for the token as the claims are. */
export type TokenAnswer = { status: number; body: unknown } | { claims: Record<string, unknown>; expiresIn?: number };

/** An OAuth 2.0 token endpoint of the test's own, with TLS on the loopback interface. */
export class TokenEndpoint {
  readonly requests: TokenRequest[] = [];
  #server: Server | undefined;

  constructor(
    readonly port: number,
    private readonly certificate: Certificate,
    /** What becomes of a request; it may take its time. */
    public answer: (request: TokenRequest) => TokenAnswer | Promise<TokenAnswer>,
  ) {}

  get url(): string {
    return `https://127.0.0.1:${this.port}/token`;
  }

  async start(): Promise<void> {
    const { cert, key } = this.certificate;
    const files = { cert: await readFile(cert), key: await readFile(key) };
    this.#server = createServer(files, (request, response) => void this.#serve(request, response));
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    if (this.#server === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#server = undefined;
    await closed;
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await message.toArray()).toString('utf8');
    const basic = message.headers.authorization?.replace(/^Basic /, '') ?? '';
    const request = { client: Buffer.from(basic, 'base64').toString('utf8'), form: new URLSearchParams(body) };
    this.requests.push(request);
    const answer = await this.answer(request);
    const { status, body: said } =
      'status' in answer
        ? answer
        : {
            status: 200,
            body: {
              access_token: unsecuredToken(answer.claims),
              token_type: 'Bearer',
              ...(answer.expiresIn !== undefined && { expires_in: answer.expiresIn }),
            },
          };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  }
}
