import { randomBytes, randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { type SourceConnection, Sources } from '../../src/sources/index.js';
import { describesSource, type SourceUnderTest } from '../conformance/source.js';
import { describesSourceFaults } from '../conformance/source-faults.js';
import { type AzureServer, startAzure } from '../kit/azure.js';
import { errorOf } from '../kit/error-of.js';
import { settingsOf } from './settings.js';

const START_MS = 600_000;
const ROOT = 'az://batchtest';
let server: AzureServer;

describe('Azure', () => {
  beforeAll(async () => {
    server = await startAzure();
  }, START_MS);
  afterAll(async () => {
    await Promise.all(opened.map((each) => each.close()));
    await server.stop();
  });

  const withKey = (changes: Record<string, string> = {}): SourceConnection['options'] => ({
    endpoint: server.endpoint,
    account_key: server.accountKey,
    ...changes,
  });
  const opened: Sources[] = [];
  const connect = (options: SourceConnection['options']): Sources => {
    const sources = new Sources({ ...settingsOf([ROOT], ROOT, options), maxBytes: 1e9 });
    opened.push(sources);
    return sources;
  };

  const newPlace = async (): Promise<SourceUnderTest> => {
    const prefix = randomUUID();
    const root = `${ROOT}/exports/${prefix}`;
    return {
      settings: settingsOf([`${root}/in`], ROOT, withKey()),
      uri: (path) => `${root}/${path}`,
      put: (path, content) => server.put(`${prefix}/${path}`, content),
      remove: async (path) => void (await server.container.deleteBlob(`${prefix}/${path}`)),
      forbid: async (path) => ({
        settings: settingsOf([ROOT], ROOT, withKey({ account_key: randomBytes(64).toString('base64') })),
        uri: `${root}/${path}`,
      }),
      nowhere: {
        settings: settingsOf([`${ROOT}/no-such-container`], ROOT, withKey()),
        uri: `${ROOT}/no-such-container/orders.csv`,
      },
      dispose: async () => undefined,
    };
  };
  // Azurite is a program of JavaScript.
  describesSource('Azure Blob Storage', newPlace, { order: 'code units' });

  describesSourceFaults('Azure Blob Storage', async () => ({
    port: server.port,
    settings: (endpoint) => settingsOf([ROOT], ROOT, withKey({ endpoint: `${endpoint}/${server.account}` })),
    uri: (name) => `${ROOT}/exports/${name}`,
    put: (name, content) => server.put(name, content),
    expired: { status: 403, headers: { 'x-ms-error-code': 'AuthenticationFailed' } },
  }));

  async function contentOf(sources: Sources, name: string): Promise<string> {
    const found = await sources.find(`${ROOT}/exports/${name}`);
    const file = await sources.open(found);
    const buffer = Buffer.alloc(found.sizeBytes);
    await file.read(buffer, 0, buffer.length, 0);
    await file.close();
    return buffer.toString('latin1');
  }

  it('reads with a SAS token, with or without its question mark, and with a connection string', async () => {
    await server.put('keys.csv', 'id\n1\n');
    const { endpoint } = server;
    const sas = server.sasToken(new Date(Date.now() + 3600_000));
    const connections: SourceConnection['options'][] = [
      { endpoint, sas_token: sas },
      { endpoint, sas_token: `?${sas}` },
      { connection_string: server.connectionString },
    ];
    for (const options of connections) {
      expect(await contentOf(connect(options), 'keys.csv')).toBe('id\n1\n');
    }
  });

  it('is SOURCE_FORBIDDEN with an expired token, without one, and for another account; no secret is in the error', async () => {
    await server.put('keys.csv', 'id\n1\n');
    const { endpoint } = server;
    const expired = server.sasToken(new Date(Date.now() - 60_000));
    const connections: SourceConnection['options'][] = [
      { endpoint, sas_token: expired },
      { endpoint, anonymous: true },
    ];
    for (const options of connections) {
      const sources = connect(options);
      expect(await errorOf(sources.find(`${ROOT}/exports/keys.csv`))).toMatch(/^SOURCE_(FORBIDDEN|NOT_FOUND)$/);
      const error: unknown = await sources.find(`${ROOT}/exports/keys.csv`).catch((each: unknown) => each);
      const logged = JSON.stringify(pino.stdSerializers.errWithCause(error as Error)) + String(error);
      expect(logged).not.toMatch(/sig=|AccountKey/);
    }
    const other = 'az://another';
    const sources = new Sources({
      ...settingsOf([other], other, { connection_string: server.connectionString }),
      maxBytes: 1e9,
    });
    expect(await errorOf(sources.find(`${other}/exports/keys.csv`))).toBe('SOURCE_FORBIDDEN');
  });

  it('gives what is stored with a content encoding as it is stored', async () => {
    const content = gzipSync('id\n'.repeat(1_000));
    await server.put('stored.csv', content, { blobHTTPHeaders: { blobContentEncoding: 'gzip' } });
    expect(await contentOf(connect(withKey()), 'stored.csv')).toBe(content.toString('latin1'));
  });

  it('goes on if only the metadata of a blob change, while it is read, too', async () => {
    const content = randomBytes(33 * 1024 ** 2);
    await server.put('tagged.csv', content);
    const sources = connect(withKey());
    const file = await sources.open(await sources.find(`${ROOT}/exports/tagged.csv`));
    const read = async (from: number): Promise<boolean> => {
      const buffer = Buffer.alloc(1_000);
      await file.read(buffer, 0, 1_000, from);
      return buffer.equals(content.subarray(from, from + 1_000));
    };
    expect(await read(0)).toBe(true);
    for (const owner of ['one', 'another']) {
      await server.container.getBlobClient('tagged.csv').setMetadata({ owner });
      expect(await read(owner === 'one' ? 32 * 1024 ** 2 : 16 * 1024 ** 2 + 5)).toBe(true);
    }
    await file.close();
  });

  it('is SOURCE_CHANGED if a blob without Content-MD5 is replaced by one of the same size', async () => {
    const write = async (text: string): Promise<void> => {
      const blob = server.container.getBlockBlobClient('blocks.csv');
      const id = Buffer.from('0').toString('base64');
      await blob.stageBlock(id, text, text.length);
      await blob.commitBlockList([id]);
    };
    await write('id\n1\n');
    const sources = connect(withKey());
    const found = await sources.find(`${ROOT}/exports/blocks.csv`);
    await write('id\n2\n');
    const file = await sources.open(found);
    expect(await errorOf(file.read(Buffer.alloc(5), 0, 5, 0))).toBe('SOURCE_CHANGED');
    await file.close();
  });

  it('is SOURCE_FORBIDDEN where the chain of @azure/identity has no credentials', async () => {
    const before = process.env['AZURE_TOKEN_CREDENTIALS'];
    // No other part of the chain is asked, which would look for this machine's own.
    process.env['AZURE_TOKEN_CREDENTIALS'] = 'EnvironmentCredential';
    try {
      const sources = connect({ endpoint: `https://127.0.0.1:1/${server.account}` });
      expect(await errorOf(sources.find(`${ROOT}/exports/keys.csv`))).toBe('SOURCE_FORBIDDEN');
    } finally {
      if (before === undefined) delete process.env['AZURE_TOKEN_CREDENTIALS'];
      else process.env['AZURE_TOKEN_CREDENTIALS'] = before;
    }
  });
});
