import { type Answer, answerOf } from './connection.js';
import { withDeadline } from './deadline.js';
import { BatchApiError, BatchConnectionError } from './errors.js';
import { DEFAULT_RETRY, type RetryNotice, type RetryPolicy, withRetries } from './retry.js';

export interface BatchClientOptions {
  /** Where the service is, such as `http://127.0.0.1:8000`; a path before its routes is kept. */
  baseUrl: string;
  /** An API key, for a service that asks for one. Sent to `baseUrl` alone. */
  apiKey?: string | undefined;
  /** Sent with every request; a function is asked before each, such as for the `traceparent` of what calls. */
  headers?: Record<string, string> | (() => Record<string, string>) | undefined;
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

export interface CallRules extends CallOptions {
  /** Whether the request may be sent again; default yes. */
  repeatable?: boolean;
  /** Whether it also waits for a service that refuses the very first connection; default no. */
  awaitService?: boolean;
  /** Default: the client's. */
  timeoutMs?: number;
  /** Whether an answer is one of the service to this request. Default: its status is a success and its body is JSON, if any. */
  accepts?: (answer: Answer) => boolean;
}

/** What the types made from the contract say of a request. */
export interface Operation {
  url: string;
  path?: object;
  query?: object;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
}

/** Sends requests: deadlines, repetitions, and every failure as one of the SDK's own errors. */
export class Transport {
  readonly baseUrl: string;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly #apiKey: string | undefined;
  readonly #headers: BatchClientOptions['headers'];
  readonly #onRetry: ((notice: RetryNotice) => void) | undefined;

  constructor(options: BatchClientOptions) {
    this.baseUrl = new URL(options.baseUrl).href.replace(/\/+$/, '');
    this.#apiKey = options.apiKey;
    this.#headers = options.headers;
    this.retry = { ...DEFAULT_RETRY, ...options.retry };
    this.timeoutMs = options.timeoutMs ?? 30_000;
    this.#onRetry = options.onRetry;
  }

  /** What the next request is sent with. */
  get headers(): Record<string, string> {
    const given = typeof this.#headers === 'function' ? this.#headers() : this.#headers;
    const authorization: Record<string, string> =
      this.#apiKey === undefined ? {} : { authorization: `Bearer ${this.#apiKey}` };
    return { accept: 'application/json', ...given, ...authorization };
  }

  /** Sends an operation of the contract. Throws what `call` throws. */
  request<T>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    operation: Operation,
    rules?: CallRules,
  ): Promise<{ data: T; response: Response }> {
    const { body } = operation;
    const headers: Record<string, string> = { ...this.headers, ...operation.headers };
    if (body !== undefined) headers['content-type'] = 'application/json';
    return this.#send(
      target(operation),
      { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
      rules,
    );
  }

  /** Sends a form that is in memory, or a Blob's. Throws what `call` throws. */
  postForm<T>(
    path: string,
    form: FormData,
    headers: Readonly<Record<string, string>>,
    rules?: CallRules,
  ): Promise<{ data: T; response: Response }> {
    return this.#send(path, { method: 'POST', headers: { ...this.headers, ...headers }, body: form }, rules);
  }

  /**
   * The answer to a request that `attempt` makes anew each time. Throws BatchApiError, BatchConnectionError, or the
   * signal's reason.
   */
  async call<T>(
    attempt: (signal: AbortSignal) => Promise<Answer>,
    rules: CallRules = {},
  ): Promise<{ data: T; response: Response }> {
    const { signal, repeatable = true, awaitService, timeoutMs = this.timeoutMs, accepts = isSuccess } = rules;
    const timedOut = () => new BatchConnectionError(this.baseUrl, 'TIMEOUT', true);
    const once = async () => {
      const answer = await withDeadline(timeoutMs, signal, attempt, timedOut);
      if (!accepts(answer)) throw new BatchApiError(answer.response, answer.body);
      return { data: answer.body as T, response: answer.response };
    };
    const policy = repeatable ? this.retry : { ...this.retry, maxOutageMs: 0 };
    return withRetries(once, policy, { signal, awaitService, onRetry: this.#onRetry });
  }

  #send<T>(path: string, init: RequestInit, rules?: CallRules): Promise<{ data: T; response: Response }> {
    return this.call((signal) => {
      const request = new Request(this.baseUrl + path, { ...init, signal });
      return answerOf(this.baseUrl, () => fetch(request));
    }, rules);
  }
}

/** A success in another format than JSON comes from something else that listens on the port. */
function isSuccess({ response, body }: Answer): boolean {
  return response.ok && (response.status === 204 || body !== null);
}

/** The path and query of a request. */
function target({ url, path = {}, query = {} }: Operation): string {
  const values = new Map<string, unknown>(Object.entries(path));
  const filled = url.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values.get(name))));
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? filled : `${filled}?${text}`;
}
