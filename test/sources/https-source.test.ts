import { randomUUID } from 'node:crypto';
import type { lookup } from 'node:dns';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpsSource } from '../../src/sources/https/https-source.js';
import { parseSourceUri, type SourceConnection, Sources } from '../../src/sources/index.js';
import { describesSource, type SourceUnderTest } from '../conformance/source.js';
import { describesSourceFaults } from '../conformance/source-faults.js';
import { type Certificate, makeAuthority, makeCertificate } from '../kit/certificates.js';
import { errorOf } from '../kit/error-of.js';
import { FileServer } from '../kit/file-server.js';
import { settingsOf } from './settings.js';

let written = 0;

function put(server: FileServer, path: string, content: Buffer): void {
  // Dates of HTTP have whole seconds.
  server.files.set(path, { content, modified: new Date(Date.UTC(2026, 0, 1) + 1_000 * written++) });
}

function placeOn(server: FileServer, options: SourceConnection['options'] = {}): SourceUnderTest {
  const prefix = randomUUID();
  const root = `${server.url}/${prefix}`;
  const settings = settingsOf([`${root}/in`], server.url, options);
  const uri = (path: string): string => `${root}/${path.split('/').map(encodeURIComponent).join('/')}`;
  return {
    settings,
    uri,
    put: async (path, content) => put(server, `${prefix}/${path}`, content),
    remove: async (path) => void server.files.delete(`${prefix}/${path}`),
    async forbid(path) {
      server.refused.set(`${prefix}/${path}`, 403);
      return { settings, uri: uri(path) };
    },
    nowhere: { settings, uri: uri('in/no such folder/orders.csv') },
    dispose: async () => undefined,
  };
}

describe('HTTPS', () => {
  let dir: string;
  let authority: Certificate;
  let secure: FileServer;
  let plain: FileServer;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'batch-https-source-'));
    authority = await makeAuthority(dir, 'authority');
    secure = await FileServer.start(await makeCertificate(dir, 'server', authority));
    plain = await FileServer.start();
  });
  afterAll(async () => {
    await secure.stop();
    await plain.stop();
    await rm(dir, { recursive: true, force: true });
  });
  afterEach(() => {
    plain.validators = 'strong';
    plain.hasRanges = true;
    plain.contentEncoding = undefined;
    plain.redirects.clear();
  });

  describesSource('HTTPS, by entity tags', async () => placeOn(secure, { ca_file: authority.cert }), {
    hasListing: false,
    deletes: 'unsupported',
  });

  describe('a server that has dates only', () => {
    beforeEach(() => {
      plain.validators = 'date';
    });
    describesSource('HTTP, by dates', async () => placeOn(plain), { hasListing: false, deletes: 'unsupported' });
  });

  describe('a server whose entity tags are weak', () => {
    beforeEach(() => {
      plain.validators = 'weak';
    });
    describesSource('HTTP, by weak entity tags and dates', async () => placeOn(plain), {
      hasListing: false,
      deletes: 'unsupported',
    });
  });

  describesSourceFaults('HTTP', async () => ({
    port: plain.port,
    settings: (endpoint) => settingsOf([endpoint]),
    uri: (name, endpoint) => `${endpoint}/${name}`,
    put: async (name, content) => put(plain, name, content),
    expired: { status: 401 },
  }));

  const connect = (allowed: readonly string[], prefix?: string, options: SourceConnection['options'] = {}): Sources =>
    new Sources({ ...settingsOf(allowed, prefix, options), maxBytes: 1e9, idleMs: 5_000 });

  it('is not trusted without the authority of its certificate, which no other attempt changes', async () => {
    put(secure, 'orders.csv', Buffer.from('id\n1\n'));
    const sources = connect([secure.url]);
    await expect(sources.find(`${secure.url}/orders.csv`)).rejects.toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringMatching(
        /is not trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\): name its authority as ca_file/,
      ),
    });
    await sources.close();
  });

  describe('a server that gives too little', () => {
    let sources: Sources;
    let uri: string;
    beforeEach(() => {
      put(plain, 'orders.csv', Buffer.from('id\n1\n'));
      uri = `${plain.url}/orders.csv`;
      sources = connect([plain.url]);
    });
    afterEach(() => sources.close());

    it('has its file read from the beginning if it gives no ranges, and only that version', async () => {
      plain.hasRanges = false;
      const source = await sources.find(uri);
      expect(source).toMatchObject({ ranges: false, sizeBytes: 5 });
      const file = await sources.open(source);
      const read = async (position: number, length = 5): Promise<string> => {
        const buffer = Buffer.alloc(length);
        const { bytesRead } = await file.read(buffer, 0, length, position);
        return buffer.toString('utf8', 0, bytesRead);
      };
      expect([await read(3), await read(0, 2), await read(1), await read(5)]).toEqual(['1\n', 'id', 'd\n1\n', '']);
      put(plain, 'orders.csv', Buffer.from('id\n2\n'));
      // What came in one piece with the rest is still the version that it was.
      expect(await read(4)).toBe('\n');
      await file.close();
      const again = await sources.open(source);
      expect(await errorOf(again.read(Buffer.alloc(5), 0, 5, 0))).toBe('SOURCE_CHANGED');
      await again.close();
    });

    it('is SOURCE_UNSUPPORTED without ranges and without anything to tell versions apart by', async () => {
      plain.hasRanges = false;
      plain.validators = 'none';
      expect(await errorOf(sources.find(uri))).toBe('SOURCE_UNSUPPORTED');
    });

    it('is SOURCE_UNSUPPORTED without anything to tell versions apart by', async () => {
      plain.validators = 'none';
      expect(await errorOf(sources.find(uri))).toBe('SOURCE_UNSUPPORTED');
    });

    it('is SOURCE_UNSUPPORTED if it compresses what it sends', async () => {
      plain.contentEncoding = 'gzip';
      expect(await errorOf(sources.find(uri))).toBe('SOURCE_UNSUPPORTED');
    });

    it('is SOURCE_CHANGED if it has no ranges of it any more, and the file is another one', async () => {
      const found = await sources.find(uri);
      plain.hasRanges = false;
      put(plain, 'orders.csv', Buffer.from('id\n2\n'));
      const file = await sources.open(found);
      expect(await errorOf(file.read(Buffer.alloc(5), 0, 5, 0))).toBe('SOURCE_CHANGED');
      await file.close();
    });
  });

  describe('redirects', () => {
    let other: FileServer;
    let sources: Sources;
    const headers = { headers: { authorization: 'Bearer of this host alone' } };

    beforeAll(async () => {
      other = await FileServer.start();
      put(other, 'data/orders.csv', Buffer.from('id\n1\n'));
    });
    afterAll(() => other.stop());
    beforeEach(() => {
      other.requests.length = 0;
      other.redirects.clear();
      sources = connect([`${plain.url}/in`, `${other.url}/data`], plain.url, headers);
    });
    afterEach(() => sources.close());

    it('are followed where SOURCES allows it, without the headers of the host that they come from', async () => {
      plain.redirects.set('in/orders.csv', `${other.url}/data/orders.csv?X-Amz-Signature=abc`);
      const found = await sources.find(`${plain.url}/in/orders.csv`);
      expect(found).toMatchObject({ uri: `${plain.url}/in/orders.csv`, sizeBytes: 5 });
      const [request] = other.requests;
      expect([request?.url, request?.headers.authorization]).toEqual([
        '/data/orders.csv?X-Amz-Signature=abc',
        undefined,
      ]);
    });

    it('show no signature in what is said about them', async () => {
      plain.redirects.set('in/orders.csv', `${other.url}/private/orders.csv?sig=abc`);
      const error = await sources.find(`${plain.url}/in/orders.csv`).catch((each: Error) => each.message);
      expect(error).toMatch(/SOURCES does not allow .*\/private\/orders\.csv to be read, to which .* redirects$/);
      expect(error).not.toContain('abc');
    });

    it('end after five', async () => {
      plain.redirects.set('in/orders.csv', `${plain.url}/in/orders.csv`);
      expect(await errorOf(sources.find(`${plain.url}/in/orders.csv`))).toBe('SOURCE_UNSUPPORTED');
    });

    it('lead from TLS to nothing without', async () => {
      secure.redirects.set('in/orders.csv', `${other.url}/data/orders.csv`);
      const both = connect([secure.url, other.url], secure.url, { ca_file: authority.cert });
      expect(await errorOf(both.find(`${secure.url}/in/orders.csv`))).toBe('SOURCE_UNSUPPORTED');
      expect(other.requests).toEqual([]);
      await both.close();
    });
  });

  describe('attacks on what only this machine may reach', () => {
    /** Takes connections, and counts them: none may come. */
    let victim: Server;
    let reached = 0;
    let port: number;

    beforeAll(async () => {
      victim = createServer((socket) => {
        reached += 1;
        socket.end('HTTP/1.1 206 Partial Content\r\netag: "a"\r\ncontent-range: bytes 0-0/5\r\n\r\ni');
      }).listen(0, '127.0.0.1');
      await once(victim, 'listening');
      ({ port } = victim.address() as AddressInfo);
    });
    afterAll(() => {
      victim.close();
    });
    beforeEach(() => {
      reached = 0;
    });
    afterEach(() => {
      expect(reached).toBe(0);
    });

    const targets = (): string[] => [
      `http://127.0.0.1:${port}/secret`,
      `http://127.1:${port}/secret`,
      `http://2130706433:${port}/secret`,
      `http://0x7f000001:${port}/secret`,
      `http://0x7f.1:${port}/secret`,
      `http://0177.0.0.1:${port}/secret`,
      `http://017700000001:${port}/secret`,
      `http://0:${port}/secret`,
      `http://0.0.0.0:${port}/secret`,
      `http://127.0.0.1.:${port}/secret`,
      `http://１２７.０.０.１:${port}/secret`,
      `http://localhost:${port}/secret`,
      `http://LOCALHOST.:${port}/secret`,
      `http://[::1]:${port}/secret`,
      `http://[::ffff:127.0.0.1]:${port}/secret`,
      `http://[::ffff:7f00:1]:${port}/secret`,
      `http://[::127.0.0.1]:${port}/secret`,
      `http://[64:ff9b::7f00:1]:${port}/secret`,
      'http://169.254.169.254/latest/meta-data/',
      'http://[fd00:ec2::254]/latest/meta-data/',
      'http://[::ffff:169.254.169.254]/latest/meta-data/',
      'http://metadata.google.internal/computeMetadata/v1/',
      'http://2852039166/latest/meta-data/',
    ];

    it('by a URI, however the address is spelled', async () => {
      const sources = connect(['http://files.example', 'https://files.example', `http://127.0.0.1:${port}/public`]);
      for (const target of targets()) {
        expect([target, await errorOf(sources.find(target))]).toEqual([target, 'SOURCE_NOT_ALLOWED']);
      }
      const climbing = ['/public/../secret', '/public/%2e%2e/secret', '/public/..%2fsecret', '/public/..%5Csecret'];
      for (const path of [...climbing, '/publicity', '/public\\..\\secret', '//public/secret']) {
        const target = `http://127.0.0.1:${port}${path}`;
        expect([target, await errorOf(sources.find(target))]).toEqual([target, 'SOURCE_NOT_ALLOWED']);
      }
      const user = `http://files.example@127.0.0.1:${port}/secret`;
      expect(await errorOf(sources.find(user))).toBe('INVALID_SOURCE');
      await sources.close();
    });

    it('by a redirect to it, in each of the spellings', async () => {
      const sources = connect([`${plain.url}/in`]);
      const others = ['file:///etc/passwd', 'ftp://127.0.0.1/secret', 'data:,secret', '//127.0.0.1/secret', 'http://'];
      for (const target of [...targets(), ...others]) {
        // A header has bytes.
        plain.redirects.set('in/orders.csv', URL.parse(target)?.href ?? target);
        expect([target, await errorOf(sources.find(`${plain.url}/in/orders.csv`))]).toEqual([
          target,
          expect.stringMatching(/^SOURCE_(NOT_ALLOWED|UNSUPPORTED)$/),
        ]);
      }
      await sources.close();
    });

    const ADDRESSES = [
      '127.0.0.1',
      '169.254.169.254',
      '::1',
      '::ffff:127.0.0.1',
      '64:ff9b::7f00:1',
      '0.0.0.0',
      'fe80::1',
    ];

    /** A source in whose world names resolve to these addresses, one list after the other. */
    function resolving(...answers: readonly (readonly string[])[]): { source: HttpsSource; asked: () => number } {
      let asked = 0;
      const resolve = ((_name: string, _options: unknown, done: (error: null, found: unknown) => void) => {
        const found = answers[asked++ % answers.length] ?? [];
        done(
          null,
          found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
      }) as unknown as typeof lookup;
      const settings = settingsOf([`http://files.example:${port}`]);
      return { source: new HttpsSource({ ...settings, resolve }), asked: () => asked };
    }

    const uri = (): ReturnType<typeof parseSourceUri> => parseSourceUri(`http://files.example:${port}/orders.csv`);

    it.each(ADDRESSES)('by a name that resolves to %s', async (address) => {
      const { source } = resolving([address]);
      expect(await errorOf(source.stat(uri(), AbortSignal.timeout(5_000)))).toBe('SOURCE_NOT_ALLOWED');
      await source.close();
    });

    it('by a name with one harmless address among others', async () => {
      const { source } = resolving(['203.0.113.1', '127.0.0.1']);
      expect(await errorOf(source.stat(uri(), AbortSignal.timeout(5_000)))).toBe('SOURCE_NOT_ALLOWED');
      await source.close();
    });

    it('by a name that resolves to a harmless address first: that one is connected to, without a second look', async () => {
      // Nobody is at 203.0.113.1 (RFC 5737).
      const { source, asked } = resolving(['203.0.113.1'], ['127.0.0.1']);
      const first = await errorOf(source.stat(uri(), AbortSignal.timeout(300)));
      expect([first === 'nothing', first === 'SOURCE_NOT_ALLOWED', asked()]).toEqual([false, false, 1]);
      expect(await errorOf(source.stat(uri(), AbortSignal.timeout(300)))).toBe('SOURCE_NOT_ALLOWED');
      expect(asked()).toBe(2);
      await source.close();
    });

    it('by a name that the system itself resolves to this machine', async () => {
      // As `localhost`, which somebody may have meant, but by another spelling.
      const sources = connect([`http://localhost.:${port}`]);
      const refusal = await sources.find(`http://localhost.:${port}/secret`).catch((error: Error) => error.message);
      // Not every system knows it.
      expect(refusal).toMatch(/this machine|there is no host of this name|EAI_AGAIN/);
      await sources.close();
    });
  });

  it('reads from this machine if SOURCES names it by its number or as localhost', async () => {
    put(plain, 'in/orders.csv', Buffer.from('id\n1\n'));
    for (const host of ['127.0.0.1', 'localhost']) {
      const sources = connect([`http://${host}:${plain.port}/in`]);
      expect(await sources.find(`http://${host}:${plain.port}/in/orders.csv`)).toMatchObject({ sizeBytes: 5 });
      await sources.close();
    }
  });
});
