import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { clientOf } from '../../src/sources/gcs/credentials-file.js';
import { type SourceConnection, Sources } from '../../src/sources/index.js';
import { describesSource, type SourceUnderTest } from '../conformance/source.js';
import { describesSourceFaults } from '../conformance/source-faults.js';
import { errorOf } from '../kit/error-of.js';
import { type GcsServer, hasGcs, startGcs } from '../kit/gcs.js';
import { HttpProxy } from '../kit/http-proxy.js';
import { settingsOf } from './settings.js';

const START_MS = 600_000;
let server: GcsServer;

(hasGcs ? describe : describe.skip)('Google Cloud Storage', () => {
  beforeAll(async () => {
    server = await startGcs();
  }, START_MS);
  afterAll(() => server.stop());

  const anonymous = (endpoint = server.endpoint): SourceConnection['options'] => ({ endpoint, anonymous: true });
  /** As Google puts it. */
  const errorBody = (code: number, reason: string): string =>
    JSON.stringify({ error: { code, message: reason, errors: [{ domain: 'global', reason, message: reason }] } });

  describesSource('Google Cloud Storage', async (): Promise<SourceUnderTest> => {
    const prefix = randomUUID();
    const root = `gs://${server.bucket}`;
    // The server refuses nobody.
    const refusing = await HttpProxy.start(server.port);
    refusing.onRequest = () => ({ status: 403, body: errorBody(403, 'forbidden') });
    return {
      settings: settingsOf([`${root}/${prefix}/in`], root, anonymous()),
      uri: (path) => `${root}/${prefix}/${path}`,
      put: async (path, content) => void (await server.put(`${prefix}/${path}`, content)),
      remove: (path) => server.remove(`${prefix}/${path}`),
      forbid: async (path) => ({
        settings: settingsOf([root], root, anonymous(refusing.endpoint)),
        uri: `${root}/${prefix}/${path}`,
      }),
      nowhere: {
        settings: settingsOf(['gs://no-such-bucket'], 'gs://no-such-bucket', anonymous()),
        uri: 'gs://no-such-bucket/orders.csv',
      },
      dispose: () => refusing.stop(),
    };
  });

  describesSourceFaults('Google Cloud Storage', async () => ({
    port: server.port,
    settings: (endpoint) => settingsOf([`gs://${server.bucket}`], `gs://${server.bucket}`, anonymous(endpoint)),
    uri: (name) => `gs://${server.bucket}/${name}`,
    put: async (name, content) => void (await server.put(name, content)),
    expired: { status: 401, body: errorBody(401, 'authError') },
  }));

  it('gives an object that is stored as gzip in ranges of what is stored', async () => {
    const content = gzipSync('id\n'.repeat(10_000));
    await server.put('stored.csv', content, { contentEncoding: 'gzip' });
    const sources = new Sources({ ...settingsOf(['gs://exports'], 'gs://exports', anonymous()), maxBytes: 1e6 });
    const found = await sources.find('gs://exports/stored.csv');
    const file = await sources.open(found);
    const buffer = Buffer.alloc(content.length);
    for (let from = 0; from < content.length; ) from += (await file.read(buffer, from, 1_000, from)).bytesRead;
    expect([found.sizeBytes, buffer.equals(content)]).toEqual([content.length, true]);
    await file.close();
    await sources.close();
  });

  it('may be tried again when a quota is used up, which Google says by 403', async () => {
    const proxy = await HttpProxy.start(server.port);
    const sources = new Sources({
      ...settingsOf(['gs://exports'], 'gs://exports', anonymous(proxy.endpoint)),
      maxBytes: 1e6,
    });
    proxy.onRequest = () => ({ status: 403, body: errorBody(403, 'rateLimitExceeded') });
    expect(await errorOf(sources.find('gs://exports/a.csv'))).toBe('SOURCE_UNAVAILABLE');
    proxy.onRequest = () => ({ status: 200, body: '{}' });
    expect(await errorOf(sources.find('gs://exports/a.csv'))).toBe('SOURCE_UNAVAILABLE');
    await sources.close();
    await proxy.stop();
  });

  it('asks for no precondition that a server may ignore, but for the generation', async () => {
    const proxy = await HttpProxy.start(server.port);
    const generation = await server.put('pinned.csv', 'id\n1\n');
    const sources = new Sources({
      ...settingsOf(['gs://exports'], 'gs://exports', anonymous(proxy.endpoint)),
      maxBytes: 1e6,
    });
    const found = await sources.find('gs://exports/pinned.csv');
    const file = await sources.open(found);
    await file.read(Buffer.alloc(5), 0, 5, 0);
    expect(found.version).toBe(generation);
    expect(proxy.requests.at(-1)).toContain(`generation=${generation}`);
    await file.close();
    await sources.close();
    await proxy.stop();
  });

  describe('with credentials', () => {
    let dir: string;
    let proxy: HttpProxy;
    /** Tokens that were given, and what the token service answers. */
    const given: string[] = [];
    let status = 200;
    const tokens = createServer((request, answer) => {
      request.resume().once('end', () => {
        const token = `token-${given.length}`;
        if (status === 200) given.push(token);
        const body =
          status === 200
            ? {
                access_token: token,
                token_type: 'Bearer',
                expires_in: 3600,
                issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
              }
            : { error: 'invalid_grant' };
        answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    const seen: (string | undefined)[] = [];
    let queries: string[] = [];

    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), 'batch-gcs-credentials-'));
      tokens.listen(0, '127.0.0.1');
      await once(tokens, 'listening');
      await writeFile(join(dir, 'subject'), 'of nobody');
      await writeFile(
        join(dir, 'credentials.json'),
        JSON.stringify({
          type: 'external_account',
          audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/test',
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          token_url: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`,
          credential_source: { file: join(dir, 'subject') },
        }),
      );
      proxy = await HttpProxy.start(server.port);
      proxy.onRequest = (_method, path, { authorization }) => {
        seen.push(authorization);
        queries.push(path);
        return 'pass';
      };
      await server.put('private.csv', 'id\n1\n');
    });
    afterAll(async () => {
      await proxy.stop();
      tokens.close();
      tokens.closeAllConnections();
      await rm(dir, { recursive: true, force: true });
    });
    beforeEach(() => {
      given.length = 0;
      seen.length = 0;
      queries = [];
      status = 200;
    });

    const connect = (file: string, more = {}): Sources => {
      const options = { endpoint: proxy.endpoint, credentials_file: join(dir, file), ...more };
      return new Sources({ ...settingsOf(['gs://exports'], 'gs://exports', options), maxBytes: 1e6 });
    };

    it('sends a token of the credentials file, one for all requests', async () => {
      const sources = connect('credentials.json', { project_id: 'payer' });
      const file = await sources.open(await sources.find('gs://exports/private.csv'));
      await file.read(Buffer.alloc(5), 0, 5, 0);
      await file.close();
      await sources.close();
      expect([given, seen]).toEqual([['token-0'], ['Bearer token-0', 'Bearer token-0']]);
      expect(queries.every((query) => query.includes('userProject=payer'))).toBe(true);
    });

    it('may be those of a service account or of a user, and nothing is written to the console about them', async () => {
      const said: unknown[] = [];
      const { warn } = console;
      console.warn = (...given) => said.push(given);
      const { privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      const account = { type: 'service_account', client_email: 'a@b.example', private_key: privateKey };
      await writeFile(join(dir, 'account.json'), JSON.stringify(account));
      const user = { type: 'authorized_user', client_id: 'id', client_secret: 'secret', refresh_token: 'token' };
      await writeFile(join(dir, 'user.json'), JSON.stringify(user));
      const sources = connect('credentials.json');
      try {
        expect(await clientOf(join(dir, 'account.json'), 'gs://a/b')).toMatchObject({ email: 'a@b.example' });
        expect(await clientOf(join(dir, 'user.json'), 'gs://a/b')).toMatchObject({ _refreshToken: 'token' });
        await sources.find('gs://exports/private.csv');
      } finally {
        console.warn = warn;
        await sources.close();
      }
      expect(said).toEqual([]);
    });

    it.each([
      ['{"type":"service_account","private_key":"hush"}', 'has no client_email'],
      ['{"type":"authorized_user","client_secret":"hush"}', 'has no client_id'],
      ['{"type":"external_account","audience":"hush"}', 'does not say where'],
      ['{"type":"hush"}', 'is of none of these types'],
      ['"hush', 'is of none of these types'],
      ['null', 'is of none of these types'],
    ])('are read anew after their file was put right, and nothing of it is told: %s', async (text, why) => {
      await writeFile(join(dir, 'changing.json'), text);
      const sources = connect('changing.json');
      const error: unknown = await sources.find('gs://exports/private.csv').catch((each: unknown) => each);
      expect(error).toMatchObject({ code: 'SOURCE_FORBIDDEN', message: expect.stringContaining(why) });
      expect(inspect(error)).not.toContain('hush');
      await copyFile(join(dir, 'credentials.json'), join(dir, 'changing.json'));
      expect(await sources.find('gs://exports/private.csv')).toMatchObject({ sizeBytes: 5 });
      await sources.close();
    });

    it('is SOURCE_FORBIDDEN if the token service refuses, or the file is not there, and tells no secret', async () => {
      status = 400;
      const refused = connect('credentials.json');
      expect(await errorOf(refused.find('gs://exports/private.csv'))).toBe('SOURCE_FORBIDDEN');
      const missing = connect('nothing.json');
      expect(await errorOf(missing.find('gs://exports/private.csv'))).toBe('SOURCE_FORBIDDEN');
      expect(seen).toEqual([]);
      await refused.close();
      await missing.close();
    });

    it('is SOURCE_UNAVAILABLE while the token service has an error', async () => {
      status = 503;
      const sources = connect('credentials.json');
      expect(await errorOf(sources.find('gs://exports/private.csv'))).toBe('SOURCE_UNAVAILABLE');
      status = 200;
      expect(await sources.find('gs://exports/private.csv')).toMatchObject({ sizeBytes: 5 });
      await sources.close();
    });
  });
});
