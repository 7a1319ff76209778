import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../kit/api.js';
import { makeAuthority, makeCertificate } from '../kit/certificates.js';
import type { Verdict } from '../kit/kafka-proxy.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { freePort } from '../kit/ports.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { type Service, startService } from '../kit/service.js';
import { type TokenAnswer, TokenEndpoint, type TokenRequest, unsecuredToken } from '../kit/token-endpoint.js';

const SECRET = 'right+and/secret: 100 %';
const SECRET_FORM = 'right%2Band%2Fsecret%3A+100+%25';
/** The secret in any spelling, or a token. */
const LEAK = /right\+and|right%2Band|eyJ/;
const SCOPE = 'batch';
/** Seconds. */
const SHORT_LIFE = 5;
const LONG_LIFE = 300;
const LOGIN = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule';
const LONG = makeOrders(200_000, 97);

let dir: string;
let stage: ProxiedBroker;
let endpoint: TokenEndpoint;
/** With which a service gets its tokens from the endpoint. */
let env: Record<string, string>;
let services: Service[] = [];

const claims = (life: number): Record<string, unknown> => {
  const now = Math.floor(Date.now() / 1000);
  return { sub: 'batch', iat: now - 1, exp: now + life, scope: SCOPE };
};

function issue(life: number): (request: TokenRequest) => TokenAnswer {
  return ({ client, form }) => {
    if (client !== `batch:${SECRET_FORM}`) {
      return { status: 401, body: { error: 'invalid_client', error_description: `not ${SECRET} nor ${client}` } };
    }
    return { claims: { ...claims(life), scope: form.get('scope') ?? 'none' }, expiresIn: life };
  };
}

async function serve(settings: Record<string, string>): Promise<{ service: Service; api: Api }> {
  const service = await startService({ brokers: stage.proxy.address, env: settings });
  services.push(service);
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  return { service, api };
}

/** Why /readyz is 503, once it says so; an upload is refused with the same words. */
async function refusal(api: Api, words: RegExp): Promise<void> {
  let report = '';
  for (const deadline = Date.now() + 60_000; !words.test(report); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`/readyz says ${report}`);
    const { error } = (await (await fetch(`${api.url}/readyz`)).json()) as { error: { kafka?: { message: string } } };
    report = error.kafka?.message ?? '';
  }
  let said = '';
  for (const deadline = Date.now() + 60_000; !words.test(said); ) {
    if (Date.now() > deadline) throw new Error(`an upload is refused with ${said}`);
    const upload = await api.upload('orders', makeOrders(3).csv);
    const { error, detail } = (await upload.json()) as { error: string; detail: string };
    expect([upload.status, error]).toEqual([503, 'KAFKA_UNAVAILABLE']);
    said = detail;
  }
}

async function expectSuccess(api: Api): Promise<void> {
  for (const deadline = Date.now() + 30_000; (await fetch(`${api.url}/readyz`)).status !== 200; await sleep(50)) {
    if (Date.now() > deadline) throw new Error('the service does not recover');
  }
  const orders = makeOrders(100);
  const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
  expect(job).toMatchObject({ state: 'SUCCESS', error: null });
  await expectDelivered(stage.broker.brokers, job, orders);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'batch-oauthbearer-'));
  const authority = await makeAuthority(dir, 'authority');
  endpoint = new TokenEndpoint(await freePort(), await makeCertificate(dir, 'endpoint', authority), issue(LONG_LIFE));
  stage = await startProxiedBroker({
    protocol: 'SASL_PLAINTEXT',
    settings: [
      'sasl.enabled.mechanisms=OAUTHBEARER',
      `listener.name.proxied.oauthbearer.sasl.jaas.config=${LOGIN} required unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="${SCOPE}";`,
      'listener.name.proxied.oauthbearer.connections.max.reauth.ms=60000',
    ],
  });
  env = {
    NODE_EXTRA_CA_CERTS: authority.cert,
    KAFKA_SASL_MECHANISM: 'oauthbearer',
    KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: endpoint.url,
    KAFKA_SASL_OAUTHBEARER_CLIENT_ID: 'batch',
    KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: SECRET,
    KAFKA_SASL_OAUTHBEARER_SCOPE: SCOPE,
    KAFKA_SASL_OAUTHBEARER_EXTENSIONS: 'logicalCluster=lkc-1,pool=p-1',
  };
});

afterEach(async () => {
  stage.proxy.interference = {};
  await endpoint.stop();
  const stopped = services;
  services = [];
  for (const service of stopped) await service.stop();
  // Only these, because a failed test shows them.
  const leaks = stopped.flatMap((service) =>
    service
      .log()
      .split('\n')
      .filter((line) => LEAK.test(line)),
  );
  expect(leaks).toEqual([]);
});

afterAll(async () => {
  await stage.stop();
  await rm(dir, { recursive: true, force: true });
});

it('a job goes on when its token expires, and every row is there once', async () => {
  endpoint.answer = issue(SHORT_LIFE);
  await endpoint.start();
  const { service, api } = await serve(env);
  const { job_id } = await api.createJob('orders', LONG.csv);
  /** What its runner asked for, and when an answer was held back. */
  const asked: string[] = [];
  stage.proxy.interference = {
    request({ api: name, pid }) {
      if (pid !== service.pid) asked.push(name);
      return 'pass';
    },
    async reply({ api: name, transactionalId }): Promise<Verdict> {
      if (name === 'EndTxn' && transactionalId === `${service.topicPrefix}.${job_id}` && !asked.includes('held')) {
        asked.push('held');
        await sleep(SHORT_LIFE * 1000); // until no token lives that was there before
      }
      return 'pass';
    },
  };
  const job = await api.ended(job_id, 120_000);
  expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null, attempt: 1 });
  await expectDelivered(stage.broker.brokers, job, LONG);
  // A new connection would begin with ApiVersions.
  expect(asked[asked.indexOf('held') + 1]).toBe('SaslHandshake');
});

it('a service finds out by itself when the endpoint gives tokens that the broker takes', async () => {
  const { api } = await serve(env);
  await refusal(api, /no token from the token endpoint https:\/\/127\.0\.0\.1:\d+\/token .*ECONNREFUSED/);

  endpoint.answer = issue(LONG_LIFE);
  await endpoint.start();
  await expectSuccess(api);
});

it('a refusal of the endpoint says what to mend, and not the secret', async () => {
  endpoint.answer = ({ client }) => issue(LONG_LIFE)({ client: `${client}?`, form: new URLSearchParams() });
  await endpoint.start();
  const { api } = await serve(env);
  await refusal(
    api,
    /token endpoint .* answers 401, invalid_client: not … nor batch:…\?; .*KAFKA_SASL_OAUTHBEARER_CLIENT_ID/,
  );

  const gate = Promise.withResolvers<void>();
  endpoint.answer = async (request) => gate.promise.then(() => issue(LONG_LIFE)(request));
  await refusal(api, /no token yet from the token endpoint https:.*, after \d+ s/);
  gate.resolve();
  await expectSuccess(api);
});

it('a refusal of the broker is none of the endpoint', async () => {
  endpoint.answer = () => ({ claims: claims(-60) });
  await endpoint.start();
  const { api } = await serve(env);
  await refusal(api, /the broker refused the token: .*invalid_token.* \(it expired at 2/);
  endpoint.answer = () => ({ claims: { ...claims(60), scope: 'another' } });
  await refusal(api, /the broker refused the token: .*insufficient_scope/);
});

it('a token is read anew from its file', async () => {
  const file = join(dir, 'token');
  await writeFile(file, `${unsecuredToken(claims(-60))}\n`);
  const { api } = await serve({ KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: file });
  await refusal(api, /the broker refused the token: .*invalid_token.* \(it expired at 2/);
  await writeFile(`${file}.new`, `${unsecuredToken(claims(LONG_LIFE))}\n`);
  await rename(`${file}.new`, file);
  await expectSuccess(api);
  await rm(file);
});
