import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.js';
import { kafkaClientOptions } from '../../src/kafka/index.js';
import { type Certificate, makeAuthority, makeCertificate } from '../kit/certificates.js';

const PASSWORD = ' s3cret, with spaces ';
const SASL = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'batch', KAFKA_SASL_PASSWORD: PASSWORD };

const CLIENT = {
  KAFKA_SASL_MECHANISM: 'oauthbearer',
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: 'https://idp.example/token',
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: 'batch',
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: PASSWORD,
};
const MSK = { KAFKA_SSL: 'true', KAFKA_SASL_MECHANISM: 'aws-msk-iam', KAFKA_SASL_AWS_REGION: 'eu-central-1' };

let dir: string;
let authority: Certificate;
let client: Certificate;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'batch-config-'));
  authority = await makeAuthority(dir, 'authority');
  client = await makeCertificate(dir, 'client', authority);
  await writeFile(join(dir, 'notes.txt'), 'not a certificate');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function problem(env: Record<string, string>): string {
  try {
    loadConfig(env);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('the settings of a secured connection', () => {
  it('are off unless they are given', () => {
    for (const env of [{}, { KAFKA_SSL: 'false' }, { KAFKA_SSL: '', KAFKA_SASL_MECHANISM: '' }]) {
      expect(loadConfig(env).kafka).toMatchObject({ tls: null, sasl: null });
      expect(kafkaClientOptions(loadConfig(env).kafka)).not.toHaveProperty('ssl');
      expect(kafkaClientOptions(loadConfig(env).kafka)).not.toHaveProperty('sasl');
    }
  });

  it('reach the Kafka client, with the files read', () => {
    const { cert, key } = client;
    const files = { KAFKA_SSL_CA: authority.cert, KAFKA_SSL_CERT: cert, KAFKA_SSL_KEY: key };
    const { kafka } = loadConfig({ KAFKA_SSL: 'true', ...files, ...SASL, KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' });
    expect(kafkaClientOptions(kafka)).toMatchObject({
      ssl: {
        ca: expect.stringContaining('BEGIN CERTIFICATE') as string,
        cert: expect.stringContaining('BEGIN CERTIFICATE') as string,
        key: expect.stringContaining('PRIVATE KEY') as string,
      },
      sasl: { mechanism: 'scram-sha-512', authenticationProvider: expect.any(Function) as unknown },
    });
    expect(kafka.sasl).toEqual({ mechanism: 'scram-sha-512', username: 'batch', password: PASSWORD });
  });

  it('name where the tokens of OAUTHBEARER come from', () => {
    const more = {
      KAFKA_SASL_OAUTHBEARER_SCOPE: 'kafka write',
      KAFKA_SASL_OAUTHBEARER_EXTENSIONS: 'logicalCluster=lkc-1, identityPoolId=pool=2',
    };
    const { kafka } = loadConfig({ ...CLIENT, ...more });
    expect(kafka.sasl).toEqual({
      mechanism: 'oauthbearer',
      token: {
        endpoint: 'https://idp.example/token',
        clientId: 'batch',
        clientSecret: PASSWORD,
        scope: 'kafka write',
      },
      extensions: { logicalCluster: 'lkc-1', identityPoolId: 'pool=2' },
    });
    expect(kafkaClientOptions(kafka)).toMatchObject({ sasl: { mechanism: 'oauthbearer' } });
    const sidecar = { ...CLIENT, KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: 'http://127.0.0.1:8080/token' };
    expect(problem(sidecar)).toBe('');
    const file = { KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: '/run/token' };
    expect(loadConfig(file).kafka.sasl).toMatchObject({ token: { file: '/run/token' }, extensions: {} });
  });

  it('name the region of Amazon MSK, or leave it to AWS_REGION', () => {
    expect(loadConfig(MSK).kafka.sasl).toEqual({ mechanism: 'aws-msk-iam', region: 'eu-central-1' });
    const inherited = { ...MSK, KAFKA_SASL_AWS_REGION: '', AWS_REGION: 'us-east-1' };
    expect(loadConfig(inherited).kafka.sasl).toMatchObject({ region: 'us-east-1' });
    expect(kafkaClientOptions(loadConfig(MSK).kafka)).toMatchObject({ sasl: { mechanism: 'oauthbearer' } });
  });

  it('trust the well-known authorities where none is named', () => {
    expect(kafkaClientOptions(loadConfig({ KAFKA_SSL: 'TRUE' }).kafka).ssl).toEqual({});
  });

  it.each([
    [{ KAFKA_SSL: 'yes' }, /KAFKA_SSL must be true or false, not "yes"/],
    [{ KAFKA_SSL_CA: '/x' }, /KAFKA_SSL_CA: of use only with KAFKA_SSL=true/],
    [
      { KAFKA_SSL: 'true', KAFKA_SSL_CA: '/no/such.pem' },
      /KAFKA_SSL_CA: the file "\/no\/such.pem" cannot be read \(ENOENT\)/,
    ],
    [
      { KAFKA_SASL_MECHANISM: 'plain' },
      /=plain needs KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD not set/,
    ],
    [{ ...SASL, KAFKA_SASL_MECHANISM: '' }, /KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: of use only with .*MECHANISM/],
    [{ ...SASL, KAFKA_SASL_PASSWORD: '' }, /needs .*: KAFKA_SASL_PASSWORD not set/],
    [
      { ...SASL, KAFKA_SASL_MECHANISM: 'gssapi' },
      /KAFKA_SASL_MECHANISM must be one of plain, scram-sha-256, scram-sha-512, oauthbearer, aws-msk-iam, not "gssapi"/,
    ],
    [{ ...SASL, KAFKA_SASL_MECHANISM: 'oauthbearer' }, /USERNAME, KAFKA_SASL_PASSWORD: of no use .*=oauthbearer/],
    [{ ...SASL, ...CLIENT, KAFKA_SASL_MECHANISM: 'plain' }, /_CLIENT_SECRET: of no use with .*=plain/],
    [{ KAFKA_SASL_MECHANISM: 'oauthbearer' }, /=oauthbearer needs \S+_TOKEN_FILE, or \S+_TOKEN_ENDPOINT_URL, /],
    [{ ...CLIENT, KAFKA_SASL_OAUTHBEARER_CLIENT_ID: '' }, /needs .*: KAFKA_SASL_OAUTHBEARER_CLIENT_ID not set/],
    [{ ...CLIENT, KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: '/t' }, /_TOKEN_FILE is instead of .*: set one or the other/],
    ...['http://idp.example/token', `https://u:${PASSWORD.trim()}@idp.example/`, 'ftp://localhost/', 'idp'].map(
      (url): [Record<string, string>, RegExp] => [
        { ...CLIENT, KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: url },
        /TOKEN_ENDPOINT_URL must be a URL that begins with https:/,
      ],
    ),
    [{ ...CLIENT, KAFKA_SASL_OAUTHBEARER_EXTENSIONS: 'a=1,auth=x' }, /EXTENSIONS must be name=value.* not "auth=x"/],
    [
      { KAFKA_SASL_MECHANISM: 'aws-msk-iam' },
      /needs KAFKA_SSL=true\n.*needs the cluster's region: set KAFKA_SASL_AWS_R/,
    ],
    [
      { ...MSK, KAFKA_SASL_AWS_REGION: 'x.evil/' },
      /AWS_REGION\) must be a region such as eu-central-1, not "x.evil\/"/,
    ],
  ])('that do not fit together are refused: %j', (env, words) => {
    expect(problem(env)).toMatch(words);
    expect(problem(env)).not.toContain(PASSWORD.trim());
  });

  it('that name a file of another kind are refused', () => {
    const notes = join(dir, 'notes.txt');
    const on = { KAFKA_SSL: 'true' };
    expect(problem({ ...on, KAFKA_SSL_CA: notes })).toMatch(/KAFKA_SSL_CA: .* holds no certificate in PEM format/);
    expect(problem({ ...on, KAFKA_SSL_CERT: client.cert })).toMatch(
      /KAFKA_SSL_CERT and KAFKA_SSL_KEY are needed together/,
    );
    const swapped = { KAFKA_SSL_CERT: client.key, KAFKA_SSL_KEY: client.cert };
    expect(problem({ ...on, ...swapped })).toMatch(/CERT: .* no certificate .*\n.*KEY: .* no private key/);
    const foreign = { KAFKA_SSL_CERT: client.cert, KAFKA_SSL_KEY: authority.key };
    expect(problem({ ...on, ...foreign })).toMatch(/KAFKA_SSL_CERT and KAFKA_SSL_KEY cannot be used: /);
  });
});
