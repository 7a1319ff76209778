import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import type { ServiceError } from '../../src/errors/index.js';
import { listedVersion, Sources } from '../../src/sources/index.js';
import { describesSource, type SourceUnderTest } from '../conformance/source.js';
import { describesSourceFaults } from '../conformance/source-faults.js';
import { errorOf } from '../kit/error-of.js';
import { HttpProxy } from '../kit/http-proxy.js';
import { hasS3, type S3Server, startS3 } from '../kit/s3.js';
import { settingsOf } from './settings.js';

const START_MS = 600_000;
let server: S3Server;

(hasS3 ? describe : describe.skip)('S3', () => {
  beforeAll(async () => {
    server = await startS3();
  }, START_MS);
  afterAll(() => server.stop());

  const options = (changes: Record<string, string> = {}): Record<string, string> => ({
    endpoint: server.endpoint,
    access_key_id: server.env['AWS_ACCESS_KEY_ID'] ?? '',
    secret_access_key: server.env['AWS_SECRET_ACCESS_KEY'] ?? '',
    ...changes,
  });

  async function put(Key: string, Body: Buffer | string, more: Partial<PutObjectCommandInput> = {}): Promise<void> {
    const client = server.client();
    await client.send(new PutObjectCommand({ Bucket: server.bucket, Key, Body, ...more }));
    client.destroy();
  }

  async function newPlace(): Promise<SourceUnderTest> {
    const prefix = randomUUID();
    const root = `s3://${server.bucket}`;
    const settings = settingsOf([`${root}/${prefix}/in`], root, options());
    return {
      settings,
      uri: (path) => `${root}/${prefix}/${path}`,
      put: (path, content) => put(`${prefix}/${path}`, content),
      async remove(path) {
        const client = server.client();
        await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key: `${prefix}/${path}` }));
        client.destroy();
      },
      forbid: async (path) => ({
        settings: settingsOf([root], root, options({ secret_access_key: 'another one' })),
        uri: `${root}/${prefix}/${path}`,
      }),
      nowhere: {
        settings: settingsOf(['s3://no-such-bucket'], 's3://no-such-bucket', options()),
        uri: 's3://no-such-bucket/orders.csv',
      },
      dispose: async () => undefined,
    };
  }

  // versitygw ignores If-Match when it deletes, which is noticed.
  describesSource('S3', newPlace, { deletes: 'unsupported' });

  describesSourceFaults('S3', async () => ({
    port: server.port,
    settings: (endpoint) => settingsOf([`s3://${server.bucket}`], `s3://${server.bucket}`, options({ endpoint })),
    uri: (name) => `s3://${server.bucket}/${name}`,
    put,
    expired: {
      status: 400,
      headers: { 'content-type': 'application/xml' },
      body: '<?xml version="1.0"?><Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>',
    },
  }));

  it('reads the version that it found to its end, if the bucket keeps versions', async () => {
    const versioned = await startS3({ isVersioned: true });
    const client = versioned.client();
    const write = (Body: Buffer): Promise<unknown> =>
      client.send(new PutObjectCommand({ Bucket: versioned.bucket, Key: 'kept.csv', Body }));
    const root = `s3://${versioned.bucket}`;
    const settings = settingsOf([root], root, options({ endpoint: versioned.endpoint }));
    const sources = new Sources({ ...settings, maxBytes: 1e9 });
    try {
      const [before, after] = [randomBytes(33 * 1024 ** 2), randomBytes(5)];
      await write(before);
      const found = await sources.find(`${root}/kept.csv`);
      const listed: string[] = [];
      for await (const page of sources.list(`${root}/`, { limit: 10, signal: AbortSignal.timeout(60_000) })) {
        listed.push(...page.map(({ version }) => version));
      }
      expect(listed).toEqual([listedVersion('s3', found.version)]);
      await write(after);
      const file = await sources.open(found);
      const buffer = Buffer.alloc(1_000);
      await file.read(buffer, 0, 1_000, 32 * 1024 ** 2);
      expect(buffer.equals(before.subarray(32 * 1024 ** 2, 32 * 1024 ** 2 + 1_000))).toBe(true);
      await file.close();
    } finally {
      await sources.close();
      client.destroy();
      await versioned.stop();
    }
  });

  it('brings no earlier version back when it deletes one, if the bucket keeps versions', async () => {
    const versioned = await startS3({ isVersioned: true });
    const client = versioned.client();
    const root = `s3://${versioned.bucket}`;
    const settings = settingsOf([root], root, options({ endpoint: versioned.endpoint }));
    const sources = new Sources({ ...settings, maxBytes: 1e9 });
    try {
      for (const Body of ['first', 'second']) {
        await client.send(new PutObjectCommand({ Bucket: versioned.bucket, Key: 'a.csv', Body }));
      }
      const second = await sources.find(`${root}/a.csv`);
      await sources.dispose(second, 'tag', null).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'SOURCE_UNSUPPORTED' });
      });
      const pages = [];
      for await (const page of sources.list(`${root}/`, { signal: AbortSignal.timeout(60_000) })) pages.push(...page);
      const shown = pages.filter(({ uri }) => uri.endsWith('a.csv')).map(({ version }) => version);
      expect([[], [listedVersion('s3', second.version)]]).toContainEqual(shown);
      // Nor does it leave anything of how it finds out whether the server compares versions.
      const kept = await client.send(new ListObjectVersionsCommand({ Bucket: versioned.bucket }));
      const all = [...(kept.DeleteMarkers ?? []), ...(kept.Versions ?? [])];
      expect(new Set(all.map(({ Key }) => Key))).toEqual(new Set(['a.csv']));
    } finally {
      await sources.close();
      client.destroy();
      await versioned.stop();
    }
  });

  it('is SOURCE_UNSUPPORTED if the object is in an archive', async () => {
    const proxy = await HttpProxy.start(server.port);
    await put('archived.csv', 'id\n');
    const settings = settingsOf(['s3://uploads'], 's3://uploads', options({ endpoint: proxy.endpoint }));
    const sources = new Sources({ ...settings, maxBytes: 1_000 });
    const found = await sources.find('s3://uploads/archived.csv');
    const body = '<?xml version="1.0"?><Error><Code>InvalidObjectState</Code><Message>In GLACIER</Message></Error>';
    proxy.onRequest = () => ({ status: 403, headers: { 'content-type': 'application/xml' }, body });
    const file = await sources.open(found);
    expect(await errorOf(file.read(Buffer.alloc(3), 0, 3, 0))).toBe('SOURCE_UNSUPPORTED');
    await file.close();
    await sources.close();
    await proxy.stop();
  });

  it('waits no longer for credentials than for an answer', async () => {
    const proxy = await HttpProxy.start(server.port);
    proxy.onRequest = () => 'hang';
    await put('again.csv', 'id\n');
    const known = new Sources({ ...settingsOf(['s3://uploads'], 's3://uploads', options()), maxBytes: 1_000 });
    const found = await known.find('s3://uploads/again.csv');
    await known.close();
    const folder = await mkdtemp(join(tmpdir(), 'batch-s3-token-'));
    await writeFile(join(folder, 'token'), 'of nobody');
    const before = { ...process.env };
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) delete process.env[name];
    // The SDK has no time limit for these.
    Object.assign(process.env, {
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/reader',
      AWS_ENDPOINT_URL_STS: proxy.endpoint,
      AWS_REGION: 'us-east-1',
    });
    const settings = settingsOf(['s3://uploads'], 's3://uploads', { endpoint: server.endpoint });
    const sources = new Sources({ ...settings, maxBytes: 1_000, idleMs: 200 });
    try {
      const file = await sources.open(found);
      await expect(file.read(Buffer.alloc(3), 0, 3, 0)).rejects.toMatchObject({ code: 'IdleBody' });
      expect(proxy.hanging).toBeGreaterThan(0);
      await file.close();
    } finally {
      process.env = before;
      await sources.close();
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });

  it('gives what is stored with a content encoding as it is stored', async () => {
    await put('stored.csv.gz', 'not really gzip', { ContentEncoding: 'gzip' });
    const sources = new Sources({ ...settingsOf(['s3://uploads'], 's3://uploads', options()), maxBytes: 1_000 });
    const file = await sources.open(await sources.find('s3://uploads/stored.csv.gz'));
    const buffer = Buffer.alloc(15);
    await file.read(buffer, 0, 15, 0);
    expect(buffer.toString()).toBe('not really gzip');
    await file.close();
    await sources.close();
  });

  it('tells the third of three versions from the first, though they have the same bytes', async () => {
    const sources = new Sources({ ...settingsOf(['s3://uploads'], 's3://uploads', options()), maxBytes: 1_000 });
    const versions: string[] = [];
    for (const content of ['a', 'b', 'a']) {
      await put('again.csv', content);
      versions.push((await sources.find('s3://uploads/again.csv')).version);
      // The server tells times in whole seconds.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    expect(new Set(versions).size).toBe(3);
    await sources.close();
  });

  it('is refused at once for what no other attempt changes', async () => {
    const root = `s3://${server.bucket}`;
    const told = async (uri: string, changes: Record<string, string>, prefix = root): Promise<[string, string]> => {
      const sources = new Sources({ ...settingsOf([prefix], prefix, options(changes)), maxBytes: 1_000 });
      const refused = await sources.find(uri).catch((error: ServiceError) => error);
      await sources.close();
      return [(refused as ServiceError).code, (refused as ServiceError).message];
    };
    // What was not put by the server has no entity tag.
    await writeFile(join(server.folder, 'dropped.csv'), 'id\n');
    const dropped = `${root}/dropped.csv`;
    expect(await told(dropped, {})).toEqual([
      'SOURCE_UNSUPPORTED',
      `${dropped} cannot be read in place: its server gives no entity tag of it`,
    ]);
    expect(await told(dropped, { secret_access_key: 'another one' })).toEqual([
      'SOURCE_FORBIDDEN',
      `The service may not read ${dropped} (the server says 403)`,
    ]);
  });

  it('is SOURCE_FORBIDDEN without any credentials', async () => {
    const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_EC2_METADATA_DISABLED'] as const;
    const before = names.map((name) => process.env[name]);
    for (const name of names) delete process.env[name];
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
    try {
      const { endpoint } = server;
      const sources = new Sources({ ...settingsOf(['s3://uploads'], 's3://uploads', { endpoint }), maxBytes: 1_000 });
      expect(await errorOf(sources.find('s3://uploads/again.csv'))).toBe('SOURCE_FORBIDDEN');
      await sources.close();
    } finally {
      for (const [index, name] of names.entries()) {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      }
    }
  });
});
