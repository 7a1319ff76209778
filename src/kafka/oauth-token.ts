import { open } from 'node:fs/promises';
import type { ClientCredentials } from '../config/index.js';
import { TokenFailure } from './kafka-failure.js';
import { withTimeout } from './timeout.js';

/** A bearer token (RFC 6750), never part of a log or an error. */
export interface Token {
  readonly value: string;
  /** Milliseconds that it has left when it comes; null: not known. */
  readonly lifeMs: number | null;
}

const ANSWER_MS = 10_000;
const MAX_BYTES = 64 * 1024;
const MAX_WORDS = 200;
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
/** Answers of 400 and more that may be others in a moment. */
const PASSING_STATUS = new Set([408, 425, 429]);

/** A token by client credentials (RFC 6749, 4.4). Rejects with a TokenFailure, after 10 s at the latest. */
export async function requestToken(credentials: ClientCredentials): Promise<Token> {
  const { endpoint, clientId, clientSecret, scope } = credentials;
  const where = `the token endpoint ${endpointName(endpoint)}`;
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== null && { scope }) });
  const basic = Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64');
  let response: Response;
  let body: string;
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, accept: 'application/json' },
      body: form,
      redirect: 'manual', // the secret is meant for nobody else
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    body = await readText(response);
  } catch (error) {
    throw new TokenFailure(`no token from ${where} (KAFKA_SASL_OAUTHBEARER_…): ${reasonOf(error)}`, { cause: error });
  }
  const answer = parseObject(body);
  if (response.status !== 200) {
    const words = [answer?.['error'], answer?.['error_description']].filter((word) => typeof word === 'string');
    const said = withoutSecrets(printable(words.join(': ')), [formEncoded(clientSecret), clientSecret, basic]);
    const isRefused = response.status >= 400 && response.status < 500 && !PASSING_STATUS.has(response.status);
    const hint = isRefused
      ? '; see KAFKA_SASL_OAUTHBEARER_CLIENT_ID, _CLIENT_SECRET, _SCOPE and _TOKEN_ENDPOINT_URL'
      : '';
    throw new TokenFailure(`${where} answers ${response.status}${said && `, ${said.slice(0, MAX_WORDS)}`}${hint}`, {
      isRefused,
    });
  }
  const value = answer?.['access_token'];
  if (typeof value !== 'string' || !BEARER_TOKEN.test(value)) {
    throw new TokenFailure(`${where} answers 200 without a bearer token (access_token) in it`);
  }
  const expiry = tokenExpiry(value);
  const lives = [Number(answer?.['expires_in']) * 1000, (expiry ?? Number.NaN) - Date.now()].filter(Number.isFinite);
  return { value, lifeMs: lives.length === 0 ? null : Math.min(...lives) };
}

/** The token that stands in a file, blanks around it. Rejects with a TokenFailure. */
export async function readTokenFile(path: string): Promise<Token> {
  const where = `the file ${JSON.stringify(path)} (KAFKA_SASL_OAUTHBEARER_TOKEN_FILE)`;
  let text: string;
  try {
    text = await readHead(path);
  } catch (error) {
    throw new TokenFailure(`${where} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
  const value = text.trim();
  if (!BEARER_TOKEN.test(value)) throw new TokenFailure(`${where} holds no bearer token`);
  return { value, lifeMs: null }; // whoever renews the file knows when
}

/**
 * A token of Amazon MSK, signed with the credentials that the AWS SDK finds (environment, profile, role of the container
 * or machine). Rejects with a TokenFailure, after 10 s at the latest. The SDK is large: it is loaded here for the first time.
 */
export async function signMskToken(region: string): Promise<Token> {
  try {
    const { generateAuthToken } = await import('aws-msk-iam-sasl-signer-js');
    const { token, expiryTime } = await withTimeout(ANSWER_MS, 'AWS credentials', generateAuthToken({ region }));
    return { value: token, lifeMs: expiryTime - Date.now() };
  } catch (error) {
    throw new TokenFailure(
      `no token by AWS credentials (KAFKA_SASL_MECHANISM=aws-msk-iam): ${printable(reasonOf(error)).slice(0, MAX_WORDS)}; ` +
        'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run with a role',
      { cause: error },
    );
  }
}

/** When a token that is a JWT expires, in milliseconds since the epoch; null: it does not say. */
export function tokenExpiry(token: string): number | null {
  const payload = parseObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const seconds = payload?.['exp'];
  return typeof seconds === 'number' ? seconds * 1000 : null;
}

/** Without the query, which may hold a key. */
export function endpointName(endpoint: string): string {
  const { origin, pathname } = new URL(endpoint);
  return origin + pathname;
}

/** As application/x-www-form-urlencoded has it (RFC 6749, 2.3.1). */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`the answer has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readHead(path: string): Promise<string> {
  const file = await open(path);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
    if (bytesRead > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

/** The cause of an error of fetch. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1000} s`;
  const { code } = error as NodeJS.ErrnoException;
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return error.message || code || error.name;
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ');
}
