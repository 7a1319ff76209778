import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenFailure } from '../../src/kafka/kafka-failure.js';
import { classifyFailure } from '../../src/kafka/kafka-failure.js';
import { KafkaProbe } from '../../src/kafka/kafka-probe.js';
import { readTokenFile, requestToken, signMskToken, type Token } from '../../src/kafka/oauth-token.js';
import { TokenSource } from '../../src/kafka/token-source.js';
import { unsecuredToken } from '../kit/token-endpoint.js';

const SECRET = 'top&secret';
const HOUR_S = 3_600;

let dir: string;
let servers: Server[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'batch-token-'));
});
afterEach(() => {
  for (const server of servers) server.close();
  for (const server of servers) server.closeAllConnections();
  servers = [];
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function ask(answer: RequestListener): Promise<Token> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?key=${SECRET}`;
  return requestToken({ endpoint, clientId: 'batch', clientSecret: SECRET, scope: null });
}

async function failure(asked: Promise<Token>): Promise<TokenFailure> {
  const error: unknown = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect((error as Error).message).not.toContain(SECRET);
  return error as TokenFailure;
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(JSON.stringify(body));

describe('a token endpoint', () => {
  it('says how long a token lives, or the token does; what is less counts', async () => {
    const exp = Math.floor(Date.now() / 1000) + HOUR_S;
    const access_token = unsecuredToken({ sub: 'batch', exp });
    expect(await ask(json(200, { access_token, expires_in: 60 }))).toEqual({ value: access_token, lifeMs: 60_000 });
    const { lifeMs } = await ask(json(200, { access_token }));
    expect(lifeMs).toBeLessThanOrEqual(HOUR_S * 1000);
    expect(lifeMs).toBeGreaterThan(0);
    expect(await ask(json(200, { access_token: 'opaque' }))).toEqual({ value: 'opaque', lifeMs: null });
  });

  it.each([
    ['an unknown client', json(401, { error: 'invalid_client' }), true, /answers 401, invalid_client; see KAFKA_SASL/],
    ['a scope', json(400, { error: 'invalid_scope', error_description: 'a\nb' }), true, /400, invalid_scope: a b; see/],
    ['a client, with its secret', json(401, { error: `not ${SECRET}` }), true, /answers 401, not …; see/],
    ['a lot of words', json(403, { error: 'x'.repeat(1_000) }), true, /answers 403, x{200};/],
    ['too many requests', json(429, { error: 'slow_down' }), false, /answers 429, slow_down$/],
    ['everything, without JSON', json(502, 'Bad Gateway'), false, /answers 502$/],
    ['a redirect', json(307, {}, { location: 'http://127.0.0.1:1/' }), false, /answers 307$/],
    ['no token', json(200, { token: 'x' }), false, /answers 200 without a bearer token/],
    ['a token of other characters', json(200, { access_token: 'a\u0001b' }), false, /without a bearer token/],
    ['more than 64 KiB', json(200, { access_token: 'x'.repeat(65_536) }), false, /has more than 65536 bytes/],
    ['a closed connection', (request) => request.socket.destroy(), false, /no token from the token endpoint .*token /],
  ] satisfies [string, RequestListener, boolean, RegExp][])(
    'that refuses, or answers by, %s',
    async (_, answer, isRefused, words) => {
      const error = await failure(ask(answer));
      expect(error.message).toMatch(words);
      expect(error.isRefused).toBe(isRefused);
      expect(classifyFailure(error)).toMatchObject({
        kind: isRefused ? 'unauthenticated' : 'transient',
        detail: error.message,
      });
    },
  );
});

describe('a file with a token', () => {
  it('may end in blanks', async () => {
    await writeFile(join(dir, 'token'), ' abc.def.ghi \n');
    expect(await readTokenFile(join(dir, 'token'))).toEqual({ value: 'abc.def.ghi', lifeMs: null });
  });

  it.each([
    ['none', /cannot be read: .*ENOENT/],
    ['', /cannot be read: it is not a file/],
    ['empty', /holds no bearer token/],
    ['large', /cannot be read: it has more than 65536 bytes/],
  ])('that cannot be used is named: %j', async (name, words) => {
    if (name === 'empty') await writeFile(join(dir, name), '\n');
    if (name === 'large') await writeFile(join(dir, name), 'x'.repeat(70_000));
    const error = await failure(readTokenFile(join(dir, name)));
    expect(error.message).toMatch(words);
    expect(error.message).toContain(JSON.stringify(join(dir, name)));
  });
});

describe('a token of Amazon MSK', () => {
  const kept = { ...process.env };
  afterEach(() => {
    process.env = { ...kept };
  });

  it('is a signed URL of the region that allows to connect for 15 minutes', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: SECRET });
    const { value, lifeMs } = await signMskToken('eu-central-1');
    const url = new URL(Buffer.from(value, 'base64url').toString('utf8'));
    expect(url.hostname).toBe('kafka.eu-central-1.amazonaws.com');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      Action: 'kafka-cluster:Connect',
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': expect.stringMatching(
        /^AKIDEXAMPLE\/\d{8}\/eu-central-1\/kafka-cluster\/aws4_request$/,
      ) as string,
      'X-Amz-Expires': '900',
      'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(url.href).not.toContain(SECRET);
    expect(lifeMs).toBeGreaterThan(0);
    expect(lifeMs).toBeLessThanOrEqual(900_000);
  });

  it('needs credentials, and /readyz says so', async () => {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    const none = join(dir, 'no-such-file');
    Object.assign(process.env, {
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: none,
      AWS_SHARED_CREDENTIALS_FILE: none,
    });
    const probe = new KafkaProbe(async () => void (await signMskToken('eu-central-1')), ['b:1']);
    await expect(probe.check()).rejects.toMatchObject({
      code: 'KAFKA_UNAVAILABLE',
      message: expect.stringMatching(
        /no way to authenticate at b:1: no token by AWS credentials .*Could not load credentials.*AWS_PROFILE/,
      ) as string,
    });
  });
});

describe('a source of tokens', () => {
  /** Tokens `1`, `2`, … of that life, and a clock. */
  function numbered(lifeMs: number | null): { source: TokenSource; at: (ms: number) => Promise<string> } {
    let now = 0;
    let count = 0;
    const next = async (): Promise<Token> => ({ value: `${++count}`, lifeMs });
    const source = new TokenSource('here', next, () => now);
    const at = async (ms: number): Promise<string> => {
      now = ms;
      return (await source.get()).value;
    };
    return { source, at };
  }

  it('asks once for all who come meanwhile', async () => {
    const { source } = numbered(null);
    const tokens = await Promise.all([source.get(), source.get(), source.get()]);
    expect(tokens.map(({ value }) => value)).toEqual(['1', '1', '1']);
  });

  it.each([
    ['for four fifths of its life', 100_000, 80_000],
    ['no longer than three seconds before its end', 5_000, 2_000],
    ['for one exchange, if it is about to expire', 2_000, 1_000],
    ['for one exchange, if it does not say how long it lives', null, 1_000],
  ])('gives a token %s', async (_, lifeMs, freshMs) => {
    const { at } = numbered(lifeMs);
    expect([await at(0), await at(freshMs - 1), await at(freshMs)]).toEqual(['1', '1', '2']);
  });

  it('asks again after a failure, and says what is waited for', async () => {
    const answers = [Promise.reject(new Error('first')), Promise.resolve({ value: 'second', lifeMs: null })];
    const source = new TokenSource('here', async () => answers.shift() as Promise<Token>);
    const first = source.get();
    expect(source.waiting).toBe('no token yet from here, after 0 s');
    await expect(first).rejects.toThrow('first');
    expect(source.waiting).toBeNull();
    expect((await source.get()).value).toBe('second');
  });
});
