import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.js';
import { kafkaClientOptions } from '../../src/kafka/index.js';
import { type Certificate, makeAuthority, makeCertificate } from '../kit/certificates.js';

const PASSWORD = ' s3cret, with spaces ';
const SASL = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'batch', KAFKA_SASL_PASSWORD: PASSWORD };

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
    [{ KAFKA_SASL_MECHANISM: 'plain' }, /needed together: KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD not set/],
    [{ ...SASL, KAFKA_SASL_MECHANISM: '' }, /needed together: KAFKA_SASL_MECHANISM not set/],
    [{ ...SASL, KAFKA_SASL_PASSWORD: '' }, /needed together: KAFKA_SASL_PASSWORD not set/],
    [
      { ...SASL, KAFKA_SASL_MECHANISM: 'gssapi' },
      /KAFKA_SASL_MECHANISM must be one of plain, scram-sha-256, scram-sha-512/,
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
