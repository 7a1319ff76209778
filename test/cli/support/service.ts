import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerProblem } from '../../sdk/contract.js';
import { readBody, startServer, type TestServer } from '../../sdk/http-server.js';

export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type Route = (response: ServerResponse, seen: Seen, request: IncomingMessage) => unknown;

/** A server that answers as the contract says: `routes` by method and path; it keeps what it was asked. */
export class Service {
  routes: Record<string, Route> = {};
  seen: Seen[] = [];
  private constructor(private readonly server: { current?: TestServer }) {}

  static async start(): Promise<Service> {
    const service = new Service({});
    service.server.current = await startServer(async (request, response) => {
      const seen: Seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: '' };
      service.seen.push(seen);
      const route = service.routes[`${seen.method} ${seen.url.split('?')[0]}`];
      if (route?.length !== 3) seen.body = (await readBody(request)).toString();
      if (route) route(response, seen, request);
      else answerProblem(response, 'JOB_NOT_FOUND');
    });
    return service;
  }

  get url(): string {
    return this.server.current?.url ?? '';
  }

  close(): Promise<void> | undefined {
    return this.server.current?.close();
  }
}
