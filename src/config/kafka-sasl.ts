const PASSWORD_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const MECHANISMS = [...PASSWORD_MECHANISMS, 'oauthbearer', 'aws-msk-iam'] as const;
type MechanismName = (typeof MECHANISMS)[number];

const PASSWORD = ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
const TOKEN_FILE = 'KAFKA_SASL_OAUTHBEARER_TOKEN_FILE';
const TOKEN_ENDPOINT = 'KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL';
const CLIENT_ID = 'KAFKA_SASL_OAUTHBEARER_CLIENT_ID';
const CLIENT_SECRET = 'KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET';
const SCOPE = 'KAFKA_SASL_OAUTHBEARER_SCOPE';
const EXTENSIONS = 'KAFKA_SASL_OAUTHBEARER_EXTENSIONS';
const CLIENT_CREDENTIALS = [TOKEN_ENDPOINT, CLIENT_ID, CLIENT_SECRET];
const OAUTHBEARER = [TOKEN_FILE, ...CLIENT_CREDENTIALS, SCOPE, EXTENSIONS];
const AWS_REGION = 'KAFKA_SASL_AWS_REGION';

export interface PasswordSasl {
  readonly mechanism: (typeof PASSWORD_MECHANISMS)[number];
  readonly username: string;
  /** Never part of a log or an error. */
  readonly password: string;
}

/** OAuth 2.0 client credentials (RFC 6749, 4.4). */
export interface ClientCredentials {
  /** https, or http on this machine. */
  readonly endpoint: string;
  readonly clientId: string;
  /** Never part of a log or an error. */
  readonly clientSecret: string;
  readonly scope: string | null;
}

export interface OAuthBearerSasl {
  readonly mechanism: 'oauthbearer';
  /** Where tokens come from: an endpoint, or a file that somebody else renews. */
  readonly token: ClientCredentials | { readonly file: string };
  /** Sent to the broker with each token (RFC 7628). */
  readonly extensions: Readonly<Record<string, string>>;
}

/** OAUTHBEARER on the wire, with tokens signed by credentials that the AWS SDK finds by itself. */
export interface AwsMskIamSasl {
  readonly mechanism: 'aws-msk-iam';
  readonly region: string;
}

export type TokenSasl = OAuthBearerSasl | AwsMskIamSasl;
export type KafkaSasl = PasswordSasl | TokenSasl;

type Environment = Readonly<Record<string, string | undefined>>;

/** KAFKA_SASL_…; null: no authentication. Adds to `problems` what is wrong. */
export function readKafkaSasl(env: Environment, problems: string[]): KafkaSasl | null {
  const before = problems.length;
  const given = env['KAFKA_SASL_MECHANISM']?.trim() ?? '';
  const mechanism = MECHANISMS.find((name) => name === given.toLowerCase());
  if (mechanism === undefined) {
    const idle = [...PASSWORD, ...OAUTHBEARER, AWS_REGION].filter((name) => isSet(env, name));
    if (given !== '') {
      problems.push(`KAFKA_SASL_MECHANISM must be one of ${MECHANISMS.join(', ')}, not ${JSON.stringify(given)}`);
    } else if (idle.length > 0) {
      problems.push(`${idle.join(', ')}: of use only with KAFKA_SASL_MECHANISM, which is not set`);
    }
    return null;
  }
  refuseForeign(env, mechanism, problems);
  const sasl = readMechanism(env, mechanism, problems);
  return problems.length > before ? null : Object.freeze(sasl);
}

function readMechanism(env: Environment, mechanism: MechanismName, problems: string[]): KafkaSasl {
  switch (mechanism) {
    case 'oauthbearer':
      return { mechanism, token: readTokenSource(env, problems), extensions: readExtensions(env, problems) };
    case 'aws-msk-iam':
      return { mechanism, region: readRegion(env, problems) };
    default:
      requireAll(env, PASSWORD, `KAFKA_SASL_MECHANISM=${mechanism}`, problems);
      return {
        mechanism,
        username: env['KAFKA_SASL_USERNAME'] ?? '',
        password: env['KAFKA_SASL_PASSWORD'] ?? '',
      };
  }
}

/** Settings of another mechanism: who has set them expects something of them. */
function refuseForeign(env: Environment, mechanism: MechanismName, problems: string[]): void {
  const foreign = [
    ...(mechanism === 'oauthbearer' ? [] : OAUTHBEARER),
    ...(mechanism === 'aws-msk-iam' ? [] : [AWS_REGION]),
    ...(mechanism === 'oauthbearer' || mechanism === 'aws-msk-iam' ? PASSWORD : []),
  ].filter((name) => isSet(env, name));
  if (foreign.length > 0) problems.push(`${foreign.join(', ')}: of no use with KAFKA_SASL_MECHANISM=${mechanism}`);
}

function readTokenSource(env: Environment, problems: string[]): OAuthBearerSasl['token'] {
  const file = env[TOKEN_FILE]?.trim() ?? '';
  const others = [...CLIENT_CREDENTIALS, SCOPE].filter((name) => isSet(env, name));
  if (file !== '') {
    if (others.length > 0) problems.push(`${TOKEN_FILE} is instead of ${others.join(', ')}: set one or the other`);
    return { file };
  }
  if (others.length === 0) {
    problems.push(
      `KAFKA_SASL_MECHANISM=oauthbearer needs ${TOKEN_FILE}, or ${TOKEN_ENDPOINT}, ${CLIENT_ID} and ${CLIENT_SECRET}`,
    );
  } else {
    requireAll(env, CLIENT_CREDENTIALS, 'KAFKA_SASL_MECHANISM=oauthbearer', problems);
  }
  const endpoint = env[TOKEN_ENDPOINT]?.trim() ?? '';
  if (endpoint !== '' && !isSafeEndpoint(endpoint)) {
    // What it was is not repeated: there may be a password in it.
    problems.push(
      `${TOKEN_ENDPOINT} must be a URL that begins with https:// (http:// only on this machine), without user and fragment`,
    );
  }
  return Object.freeze({
    endpoint,
    clientId: env[CLIENT_ID]?.trim() ?? '',
    clientSecret: env[CLIENT_SECRET] ?? '',
    scope: env[SCOPE]?.trim() || null,
  });
}

/** The secret is sent there: only under TLS, or to this machine. */
function isSafeEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}

/** `name=value`, comma-separated, as librdkafka has them. */
function readExtensions(env: Environment, problems: string[]): Readonly<Record<string, string>> {
  const entries = (env[EXTENSIONS] ?? '').split(',').flatMap((text): [string, string][] => {
    const entry = text.trim();
    if (entry === '') return [];
    const [, name, value] = /^([A-Za-z]+)=([\x21-\x7e]+)$/.exec(entry) ?? [];
    if (name !== undefined && value !== undefined && name !== 'auth') return [[name, value]];
    problems.push(
      `${EXTENSIONS} must be name=value, comma-separated, with a name of letters other than "auth", not ${JSON.stringify(entry)}`,
    );
    return [];
  });
  return Object.freeze(Object.fromEntries(entries));
}

function readRegion(env: Environment, problems: string[]): string {
  if (env['KAFKA_SSL']?.trim().toLowerCase() !== 'true')
    problems.push('KAFKA_SASL_MECHANISM=aws-msk-iam needs KAFKA_SSL=true');
  const region = env[AWS_REGION]?.trim() || env['AWS_REGION']?.trim() || '';
  if (region === '') problems.push(`KAFKA_SASL_MECHANISM=aws-msk-iam needs the cluster's region: set ${AWS_REGION}`);
  else if (!/^[a-z0-9-]+$/.test(region)) {
    problems.push(`${AWS_REGION} (or AWS_REGION) must be a region such as eu-central-1, not ${JSON.stringify(region)}`);
  }
  return region;
}

function requireAll(env: Environment, names: readonly string[], by: string, problems: string[]): void {
  const missing = names.filter((name) => !isSet(env, name));
  if (missing.length > 0) problems.push(`${by} needs ${names.join(', ')}: ${missing.join(' and ')} not set`);
}

function isSet(env: Environment, name: string): boolean {
  return (env[name]?.trim() ?? '') !== '';
}
