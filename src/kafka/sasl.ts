import { createRequire } from 'node:module';
import type { AuthenticationProviderArgs, Authenticator, Mechanism } from 'kafkajs';
import type { KafkaConfig, OAuthBearerSasl, PasswordSasl, TokenSasl } from '../config/index.js';
import { errorType, TokenFailure, UnexpectedAnswer } from './kafka-failure.js';
import { tokenExpiry } from './oauth-token.js';
import type { PreparedMechanism } from './sasl-sessions.js';
import { tokenSourceOf } from './token-source.js';

type KafkaSasl = NonNullable<KafkaConfig['sasl']>;
type Provider = (credentials: {
  username: string;
  password: string;
}) => (args: AuthenticationProviderArgs) => Authenticator;

const load = createRequire(import.meta.url);
const PROVIDERS: Record<PasswordSasl['mechanism'], Provider> = {
  plain: load('kafkajs/src/broker/saslAuthenticator/plain') as Provider,
  'scram-sha-256': load('kafkajs/src/broker/saslAuthenticator/scram256') as Provider,
  'scram-sha-512': load('kafkajs/src/broker/saslAuthenticator/scram512') as Provider,
};
const SEPARATOR = '\u0001';
const MAX_WORDS = 200;

/** How kafkajs authenticates. What the broker has answered is a refusal, and nothing else. */
export function saslMechanism(sasl: KafkaSasl): Mechanism {
  return 'username' in sasl ? passwordMechanism(sasl) : tokenMechanism(sasl);
}

/**
 * kafkajs' own mechanisms, but for one thing: it reports whatever happens in the exchange, a closed socket and a
 * time-out too, as a failed authentication (kafkajs #1550). Here only what the broker has answered is one.
 */
function passwordMechanism({ mechanism, username, password }: PasswordSasl): Mechanism {
  const provider = PROVIDERS[mechanism]({ username, password });
  return {
    mechanism,
    authenticationProvider: (args) => ({ authenticate: () => authenticate(provider, args) }),
  };
}

/**
 * OAUTHBEARER (RFC 7628). Not kafkajs' own, which takes a refusal for a success: the broker answers the token with its
 * reasons in JSON, and refuses only once the client has acknowledged them.
 */
function tokenMechanism(sasl: TokenSasl): PreparedMechanism {
  const source = tokenSourceOf(sasl);
  const extensions = sasl.mechanism === 'oauthbearer' ? sasl.extensions : {};
  return {
    mechanism: 'oauthbearer',
    prepare: async () => void (await source.get()),
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const { value } = await source.get();
        const reasons = await exchange(saslAuthenticate, firstMessage(value, extensions));
        if (reasons.length === 0) return;
        await exchange(saslAuthenticate, SEPARATOR).catch((error: unknown) => {
          if (errorType(error) !== 'SASL_AUTHENTICATION_FAILED') throw error;
        });
        throw new TokenFailure(`SASL_AUTHENTICATION_FAILED: the broker refused the token: ${why(reasons, value)}`, {
          isRefused: true,
        });
      },
    }),
  };
}

function firstMessage(token: string, extensions: OAuthBearerSasl['extensions']): string {
  const pairs = Object.entries({ auth: `Bearer ${token}`, ...extensions });
  return `n,,${SEPARATOR}${pairs.map(([name, value]) => `${name}=${value}${SEPARATOR}`).join('')}${SEPARATOR}`;
}

/** Sends a message, and resolves with the broker's. */
async function exchange(
  saslAuthenticate: AuthenticationProviderArgs['saslAuthenticate'],
  message: string,
): Promise<string> {
  const bytes = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  const answer = await saslAuthenticate({
    request: { encode: () => Buffer.concat([length, bytes]) },
    response: { decode: (raw) => raw.subarray(4), parse: (raw) => raw.toString('utf8') },
  });
  return answer ?? '';
}

/** The broker's words, such as `{"status":"invalid_token"}`, and what is to be seen from here. */
function why(reasons: string, token: string): string {
  const words = reasons.replaceAll(token, '…').slice(0, MAX_WORDS);
  const expiry = tokenExpiry(token);
  if (expiry === null || expiry > Date.now()) return words;
  return `${words} (it expired at ${new Date(expiry).toISOString()})`;
}

async function authenticate(
  provider: ReturnType<Provider>,
  { saslAuthenticate, ...args }: AuthenticationProviderArgs,
): Promise<void> {
  let failed: { reason: unknown } | undefined;
  const observed: typeof saslAuthenticate = async (exchange) => {
    try {
      return await saslAuthenticate(exchange);
    } catch (reason) {
      failed = { reason };
      throw reason;
    }
  };
  try {
    await provider({ ...args, saslAuthenticate: observed }).authenticate();
  } catch (error) {
    if (failed === undefined || errorType(failed.reason) === 'SASL_AUTHENTICATION_FAILED') throw error;
    throw isKafkaError(failed.reason)
      ? failed.reason
      : new UnexpectedAnswer('the SASL exchange could not be read', { cause: failed.reason });
  }
}

function isKafkaError(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJS');
}
