import createClient, { type Client } from 'openapi-fetch';
import type { paths } from './api-types.js';
import { withDeadline } from './deadline.js';
import { BatchApiError, BatchConnectionError } from './errors.js';
import { DEFAULT_RETRY, type RetryNotice, type RetryPolicy, withRetries } from './retry.js';
import { isTransportFailure, toConnectionError } from './transport-error.js';

export interface BatchClientOptions {
  /** Where the service is, such as `http://127.0.0.1:8000`; a path before its routes is kept. */
  baseUrl: string;
  /** Sent with every request. */
  headers?: Record<string, string> | undefined;
  /** For requests that are safe to repeat, and for waits; see RetryPolicy for what is not given. */
  retry?: Partial<RetryPolicy> | undefined;
  /** For a whole answer, in ms; uploads have no limit. Default 30 000. */
  timeoutMs?: number | undefined;
  /** Told before each repetition. */
  onRetry?: ((notice: RetryNotice) => void) | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** What openapi-fetch hands back. */
interface Answer<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

interface CallRules extends CallOptions {
  /** Whether the request may be sent again; default yes. */
  repeatable?: boolean;
  /** Whether it also waits for a service that refuses the very first connection; default no. */
  awaitService?: boolean;
  /** Default: the client's. */
  timeoutMs?: number;
}

/** Sends requests: deadlines, repetitions, and every failure as one of the SDK's own errors. */
export class Transport {
  readonly baseUrl: string;
  readonly http: Client<paths>;
  readonly headers: Record<string, string>;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  private readonly onRetry: ((notice: RetryNotice) => void) | undefined;

  constructor(options: BatchClientOptions) {
    this.baseUrl = new URL(options.baseUrl).href.replace(/\/+$/, '');
    this.headers = { accept: 'application/json', ...options.headers };
    this.http = createClient<paths>({ baseUrl: this.baseUrl, headers: this.headers });
    this.http.use({ onResponse: ({ response }) => refuseStrangers(response) });
    this.retry = { ...DEFAULT_RETRY, ...options.retry };
    this.timeoutMs = options.timeoutMs ?? 30_000;
    this.onRetry = options.onRetry;
  }

  /**
   * The answer of a request that `send` makes anew for each attempt. Throws BatchApiError, BatchConnectionError, or
   * the signal's reason.
   */
  async call<T>(
    send: (signal: AbortSignal) => Promise<Answer<T>>,
    rules: CallRules = {},
  ): Promise<{ data: T; response: Response }> {
    const { signal, repeatable = true, awaitService, timeoutMs = this.timeoutMs } = rules;
    const once = async () => {
      const { data, error, response } = await this.attempt(send, signal, timeoutMs);
      if (data === undefined) throw new BatchApiError(response, error);
      return { data, response };
    };
    const policy = repeatable ? this.retry : { ...this.retry, maxOutageMs: 0 };
    return withRetries(once, policy, { signal, awaitService, onRetry: this.onRetry });
  }

  private async attempt<T>(
    send: (signal: AbortSignal) => Promise<Answer<T>>,
    signal: AbortSignal | undefined,
    timeoutMs: number,
  ): Promise<Answer<T>> {
    const timedOut = () => new BatchConnectionError(this.baseUrl, 'TIMEOUT', true);
    try {
      return await withDeadline(timeoutMs, signal, send, timedOut);
    } catch (error) {
      signal?.throwIfAborted();
      throw isTransportFailure(error) ? toConnectionError(error, this.baseUrl) : error;
    }
  }
}

/** A success in another format than JSON comes from something else that listens on the port. */
async function refuseStrangers(response: Response): Promise<undefined> {
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok || response.status === 204 || /^application\/(json|[\w.-]+\+json)\b/i.test(type)) return undefined;
  await response.body?.cancel();
  throw new BatchApiError(response, null);
}
