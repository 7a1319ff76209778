import { ServiceError } from '../errors/index.js';
import { CachedAnswer } from './cached-answer.js';
import { isAuthenticationFailure, isTlsFailure, tokenFailure } from './kafka-failure.js';
import { withTimeout } from './timeout.js';
import type { TokenSource } from './token-source.js';

const ANSWER_MS = 1_500;
const FRESH_MS = 1_000;

/** Tells whether a broker answers, at most once a second and within 1.5 s. */
export class KafkaProbe {
  readonly #answer = new CachedAnswer(() => this.#ask(), FRESH_MS);

  constructor(
    private readonly ping: () => Promise<void>,
    private readonly brokers: readonly string[],
    private readonly tokens: Pick<TokenSource, 'waiting'> | null = null,
  ) {}

  /** Throws ServiceError KAFKA_UNAVAILABLE if no broker answers in time or none accepts our credentials. A good answer holds for a second. */
  async check(): Promise<void> {
    await this.#answer.get();
  }

  async #ask(): Promise<void> {
    try {
      await withTimeout(ANSWER_MS, 'ping', this.ping());
    } catch (cause) {
      throw new ServiceError('KAFKA_UNAVAILABLE', this.#explain(cause), { cause });
    }
  }

  /** A broker that is there and turns us away is another trouble than none. The password is in no error of kafkajs. */
  #explain(cause: unknown): string {
    const brokers = this.brokers.join(', ');
    const reason = cause instanceof Error ? cause.message : '';
    const failure = tokenFailure(cause);
    if (failure !== null) return `there is no way to authenticate at ${brokers}: ${failure.message}`;
    if (isAuthenticationFailure(cause)) {
      return `the broker refused the authentication (KAFKA_SASL_…) at ${brokers}: ${reason}`;
    }
    if (isTlsFailure(cause)) return `there is no TLS connection (KAFKA_SSL…) to ${brokers}: ${reason}`;
    const waiting = this.tokens?.waiting ?? null;
    if (waiting !== null) return `there is no way to authenticate at ${brokers}: ${waiting}`;
    return `no broker answers at ${brokers}`;
  }
}
