import { createRequire } from 'node:module';
import type { Mechanism } from 'kafkajs';

/** `prepare` gets what the exchange needs from elsewhere, before it begins. */
export type PreparedMechanism = Mechanism & { prepare?: () => Promise<void> };

interface Connection {
  /** Milliseconds that the broker gives the session; 0: it does not end. */
  readonly sessionLifetime: { toNumber(): number };
  /** A session is renewed by the first request in this many of its last milliseconds. */
  reauthenticationThreshold: number;
}

interface SaslAuthenticator {
  readonly connection: { readonly sasl: PreparedMechanism };
  authenticate(): Promise<void>;
}

/** As kafkajs has it. */
const RENEWAL_MS = 10_000;
/** Brokers take one renewal a second. */
const RENEWAL_PAUSE_MS = 1_000;
const load = createRequire(import.meta.url);

/**
 * kafkajs 2.2.4 renews a session from 10 s before its end on: one of 10 s or less, such as a token's that is about to
 * expire, with every request, which brokers do not take. From here on a session of less than 11 s is renewed half-way.
 * Throws if kafkajs has changed.
 */
export function renewShortSessions(): void {
  const { prototype } = load('kafkajs/src/network/connection') as { prototype: Record<symbol, unknown> };
  const symbol = Object.getOwnPropertySymbols(prototype).find(
    ({ description }) => description === 'private:Connection:shouldReauthenticate',
  );
  if (symbol === undefined) throw new Error('kafkajs renews sessions in another way: see sasl-sessions.ts');
  const isDue = prototype[symbol] as (this: Connection) => boolean;
  prototype[symbol] = function (this: Connection): boolean {
    const life = this.sessionLifetime.toNumber();
    this.reauthenticationThreshold = life < RENEWAL_MS + RENEWAL_PAUSE_MS ? Math.floor(life / 2) : RENEWAL_MS;
    return isDue.call(this);
  };
}

/**
 * kafkajs asks for a token when the broker waits for it already: if there is none, the connection stands in the midst
 * of an exchange, and the next one on it is refused. From here on the token is there first. Throws if kafkajs has changed.
 */
export function prepareExchanges(): void {
  const { prototype } = load('kafkajs/src/broker/saslAuthenticator') as { prototype: SaslAuthenticator };
  const { authenticate } = prototype;
  if (typeof authenticate !== 'function') throw new Error('kafkajs authenticates in another way: see sasl-sessions.ts');
  prototype.authenticate = async function (this: SaslAuthenticator): Promise<void> {
    await this.connection.sasl.prepare?.();
    await authenticate.call(this);
  };
}
