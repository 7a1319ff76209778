// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the environment are spelled so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.js';

describe('SOURCES', () => {
  it('allows nothing if it is not there', () => {
    expect(loadConfig({}).sources).toEqual({ allowed: [], connections: [], maxBytes: 100e9 });
  });

  it('has prefixes with commas between them', () => {
    const SOURCES = 'file:/data/in/, s3://bucket , gs://b/a,az://account/container,https://Host.example:443/pub,';
    expect(loadConfig({ SOURCES }).sources.allowed).toEqual([
      { scheme: 'file', authority: '', path: '/data/in' },
      { scheme: 's3', authority: 'bucket', path: '' },
      { scheme: 'gs', authority: 'b', path: 'a' },
      { scheme: 'az', authority: 'account', path: 'container' },
      { scheme: 'https', authority: 'host.example', path: 'pub' },
    ]);
  });

  it.each([
    '/data/in',
    'file:data',
    's3:bucket',
    'https://',
    'https://user:secret@host/',
    'ftp://host',
    's3://b/a?secret',
  ])('is refused otherwise, without a word of what it holds: %s', (SOURCES) => {
    expect(() => loadConfig({ SOURCES })).toThrow(/SOURCES must be (?!.*secret)/);
  });

  it('is refused with the entry that is wrong', () => {
    expect(() => loadConfig({ SOURCES: 's3://bucket,s3:/other' })).toThrow(/; "s3:\/other" is none of these/);
  });
});

describe('SOURCE_CONNECTIONS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch-connections-'));
  const path = join(folder, 'connections.yaml');
  afterAll(() => rmSync(folder, { recursive: true }));

  function read(text: string, env: Record<string, string> = {}) {
    writeFileSync(path, text);
    return loadConfig({ SOURCE_CONNECTIONS: path, ...env }).sources.connections;
  }

  it('has options by prefix, with variables of the environment in them', () => {
    const text = [
      's3://bucket/in:',
      '  endpoint: http://127.0.0.1:9000',
      '  path_style: true',
      '  secret_access_key: ${KEY}-${PART}',
      'https://host:',
      '  headers:',
      '    Authorization: Bearer ${KEY}',
    ].join('\n');
    expect(read(text, { KEY: 'a', PART: 'b' })).toEqual([
      {
        prefix: { scheme: 's3', authority: 'bucket', path: 'in' },
        options: { endpoint: 'http://127.0.0.1:9000', path_style: true, secret_access_key: 'a-b' },
      },
      { prefix: { scheme: 'https', authority: 'host', path: '' }, options: { headers: { authorization: 'Bearer a' } } },
    ]);
    expect(read('')).toEqual([]);
  });

  it.each([
    ['s3://b:\n  acess_key_id: secret', /s3:\/\/b: acess_key_id is not understood; s3 has endpoint, region/],
    ['s3://b:\n  endpoint: secret', /s3:\/\/b: endpoint must be a URL/],
    ['https://h:\n  ca_file: /no/such.pem', /SOURCE_CONNECTIONS: ca_file \/no\/such.pem cannot be read \(ENOENT\)/],
    ['gs://b:\n  credentials_file: /no/such.json', /credentials_file \/no\/such.json cannot be read \(ENOENT\)/],
    ['s3://b:\n  path_style: secret', /path_style is not understood/],
    ['s3://b:\n  secret_access_key: [secret]', /secret_access_key is not understood/],
    ['s3://b:\n  secret_access_key: ${MISSING}', /s3:\/\/b needs MISSING, which is not set/],
    ['b:\n  region: secret', /"b" must be a prefix such as s3:\/\/bucket/],
    ['s3://b: secret', /"s3:\/\/b" must be a prefix such as s3:\/\/bucket, with options below it/],
    ['- secret', /must have a prefix of URIs before each group of options/],
    ['a: [', /is not YAML/],
    ['s3://b:\n  secret_access_key: *secret', /is not YAML/],
    ['s3://b:\n  region: eu\n region: secret', /is not YAML \(line 3\)/],
    ['https://user:secret@host:\n  ca_file: x', /must be a prefix such as s3:\/\/bucket/],
  ])('is refused if it is not understood, without values: %s', (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).not.toThrow(/secret(?!_access_key)/);
  });

  it('is refused if it cannot be read', () => {
    expect(() => loadConfig({ SOURCE_CONNECTIONS: join(folder, 'none') })).toThrow(/SOURCE_CONNECTIONS: .* \(ENOENT\)/);
  });
});
