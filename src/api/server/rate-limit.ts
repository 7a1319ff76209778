import rateLimit from '@fastify/rate-limit';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/index.js';
import { ServiceError } from '../../errors/index.js';

const WINDOW_MS = 60_000;
/** What says how the service is must answer when it has the most to do. */
const EXEMPT: readonly (string | undefined)[] = ['/healthz', '/readyz', '/metrics'];

type Counter = ReturnType<FastifyInstance['createRateLimit']>;

/**
 * Counts the requests that this process gets from each client, in windows of a minute. A client is an API key or, without one, an
 * address of a connection (of IPv6, its /64). The last 5000 of either kind are remembered.
 */
export class RateLimits {
  #ofKeys: Counter | null = null;
  #ofAddresses: Counter | null = null;
  #wrongKeys: Counter | null = null;

  constructor(app: NestFastifyApplication, { requests, wrongKeys }: Config['rateLimits']) {
    const server: FastifyInstance = app.getHttpAdapter().getInstance();
    server.register(rateLimit, { global: false }).after(() => {
      const timeWindow = WINDOW_MS;
      if (requests > 0) {
        const keyGenerator = ({ access }: FastifyRequest): string => access?.key?.id ?? '';
        this.#ofKeys = server.createRateLimit({ timeWindow, max: requests, keyGenerator });
        this.#ofAddresses = server.createRateLimit({ timeWindow, max: requests });
      }
      if (wrongKeys > 0) this.#wrongKeys = server.createRateLimit({ timeWindow, max: wrongKeys });
    });
  }

  /** Throws RATE_LIMITED if the client has made too many requests. */
  async countRequest(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (EXEMPT.includes(request.routeOptions.url)) return;
    const counter = request.access?.key ? this.#ofKeys : this.#ofAddresses;
    const state = await counter?.(request);
    if (state === undefined || state.isAllowed) return;
    reply.header('ratelimit-limit', state.max);
    reply.header('ratelimit-remaining', state.remaining);
    reply.header('ratelimit-reset', state.ttlInSeconds);
    if (!state.isExceeded) return;
    throw limited(`A client may make ${state.max} requests a minute (RATE_LIMIT)`, state.ttlInSeconds);
  }

  /** A key that came with the request is not good. */
  async countWrongKey(request: FastifyRequest): Promise<void> {
    await this.#wrongKeys?.(request);
  }

  /** Throws RATE_LIMITED if too many wrong keys came from the request's address. */
  async requireFewWrongKeys(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const state = await this.#wrongKeys?.(request, { increment: false });
    if (state === undefined || state.isAllowed || state.remaining > 0) return;
    reply.header('ratelimit-limit', state.max);
    reply.header('ratelimit-remaining', 0);
    reply.header('ratelimit-reset', state.ttlInSeconds);
    const message = `${state.max} wrong keys have come from this address in a minute (RATE_LIMIT_WRONG_KEYS)`;
    throw limited(message, state.ttlInSeconds);
  }
}

function limited(message: string, retryAfterS: number): ServiceError {
  return new ServiceError('RATE_LIMITED', message, { retryAfterS });
}
