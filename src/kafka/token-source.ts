import type { TokenSasl } from '../config/index.js';
import { endpointName, readTokenFile, requestToken, signMskToken, type Token } from './oauth-token.js';

/** The last part of a token's life is left to the sessions that were begun with it. */
const FRESH_PART = 0.8;
/** A session lasts as long as its token, is renewed half-way if it is short, and not twice a second. */
const MIN_SESSION_MS = 3_000;
/** A token is asked for before the exchange with a broker begins, and sent in it. */
const EXCHANGE_MS = 1_000;

/** The tokens of one identity: one is asked for at a time, for all connections, and again when it grows old. */
export class TokenSource {
  #token: Token | undefined;
  #freshUntil = 0;
  #asking: { since: number; answer: Promise<Token> } | undefined;

  /** `where`: for messages, where tokens come from. `now`: in milliseconds, never going back. */
  constructor(
    private readonly where: string,
    private readonly ask: () => Promise<Token>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Rejects with a TokenFailure. */
  async get(): Promise<Token> {
    if (this.#token !== undefined && this.now() < this.#freshUntil) return this.#token;
    this.#asking ??= {
      since: this.now(),
      answer: this.#ask().finally(() => {
        this.#asking = undefined;
      }),
    };
    return this.#asking.answer;
  }

  /** What whoever has no connection yet is waiting for; null: for no token. */
  get waiting(): string | null {
    if (this.#asking === undefined) return null;
    const seconds = Math.round((this.now() - this.#asking.since) / 1000);
    return `no token yet from ${this.where}, after ${seconds} s`;
  }

  async #ask(): Promise<Token> {
    const token = await this.ask();
    const life = token.lifeMs === null ? 0 : Math.min(token.lifeMs * FRESH_PART, token.lifeMs - MIN_SESSION_MS);
    this.#freshUntil = this.now() + Math.max(life, EXCHANGE_MS);
    this.#token = token;
    return token;
  }
}

const sources = new WeakMap<TokenSasl, TokenSource>();

/** One for all clients of a configuration. */
export function tokenSourceOf(sasl: TokenSasl): TokenSource {
  const source = sources.get(sasl) ?? createSource(sasl);
  sources.set(sasl, source);
  return source;
}

function createSource(sasl: TokenSasl): TokenSource {
  if (sasl.mechanism === 'aws-msk-iam') {
    return new TokenSource('the AWS credentials', () => signMskToken(sasl.region));
  }
  const { token } = sasl;
  if ('file' in token) return new TokenSource(token.file, () => readTokenFile(token.file));
  return new TokenSource(`the token endpoint ${endpointName(token.endpoint)}`, () => requestToken(token));
}
