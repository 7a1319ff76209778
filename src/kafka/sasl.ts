import { createRequire } from 'node:module';
import type { AuthenticationProviderArgs, Authenticator, Mechanism } from 'kafkajs';
import type { KafkaConfig } from '../config/index.js';
import { errorType, UnexpectedAnswer } from './kafka-failure.js';

type KafkaSasl = NonNullable<KafkaConfig['sasl']>;
type Provider = (credentials: {
  username: string;
  password: string;
}) => (args: AuthenticationProviderArgs) => Authenticator;

const load = createRequire(import.meta.url);
const PROVIDERS: Record<KafkaSasl['mechanism'], Provider> = {
  plain: load('kafkajs/src/broker/saslAuthenticator/plain') as Provider,
  'scram-sha-256': load('kafkajs/src/broker/saslAuthenticator/scram256') as Provider,
  'scram-sha-512': load('kafkajs/src/broker/saslAuthenticator/scram512') as Provider,
};

/**
 * kafkajs' own mechanisms, but for one thing: it reports whatever happens in the exchange, a closed socket and a
 * time-out too, as a failed authentication (kafkajs #1550). Here only what the broker has answered is one.
 */
export function saslMechanism({ mechanism, username, password }: KafkaSasl): Mechanism {
  const provider = PROVIDERS[mechanism]({ username, password });
  return {
    mechanism,
    authenticationProvider: (args) => ({ authenticate: () => authenticate(provider, args) }),
  };
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
