import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type JobSource, type SourceSettings, Sources } from '../../src/sources/index.js';
import type { OpenFile } from '../../src/storage/index.js';
import { errorOf } from '../kit/error-of.js';
import { HttpProxy, type RequestVerdict } from '../kit/http-proxy.js';

const MiB = 1024 ** 2;
/** How long bytes are waited for: so long that a busy machine does not meet it by itself. */
const PATIENT_MS = 60_000;
/** The same if some of them do not come, and others do. */
const IMPATIENT_MS = 2_000;
/** Three pieces. */
const SIZE = 17 * MiB + 5;

/** A server of files that a proxy can stand before. */
export interface FaultySource {
  readonly port: number;
  settings(endpoint: string): Pick<SourceSettings, 'allowed' | 'connections'>;
  /** `endpoint`: of the proxy. */
  uri(name: string, endpoint: string): string;
  put(name: string, content: Buffer): Promise<void>;
  /** What it answers once credentials have expired. */
  readonly expired: RequestVerdict;
}

/** Where the range begins that a request asks for; null: for none. */
function firstByte(headers: IncomingHttpHeaders): number | null {
  const from = /^bytes=(\d+)-/.exec(`${headers['x-ms-range'] ?? headers.range ?? ''}`)?.[1];
  return from === undefined ? null : Number(from);
}

/** What reading a file in ranges makes of each fault on the way, by a proxy that causes it. */
export function describesSourceFaults(name: string, setUp: () => Promise<FaultySource>): void {
  describe(`faults of a source: ${name}`, () => {
    const content = randomBytes(SIZE);
    const object = `faults-${randomUUID()}.csv`;
    let source: FaultySource;
    let proxy: HttpProxy;
    let sources: Sources;
    let found: JobSource;
    let file: OpenFile;
    /** The requests for ranges, in their order; the first byte of each. */
    let ranges: number[];
    /** What becomes of the request for a range, by its number. */
    let onRange: (count: number) => RequestVerdict;

    beforeAll(async () => {
      source = await setUp();
      await source.put(object, content);
    });
    beforeEach(async () => {
      ranges = [];
      onRange = () => 'pass';
      proxy = await HttpProxy.start(source.port);
      connect(PATIENT_MS);
      found = await sources.find(source.uri(object, proxy.endpoint));
      file = await sources.open(found);
      proxy.onRequest = (_method, _path, headers) => {
        const from = firstByte(headers);
        if (from === null) return 'pass';
        ranges.push(from);
        return onRange(ranges.length);
      };
    });
    afterEach(async () => {
      await file.close();
      await sources.close();
      await proxy.stop();
    });

    function connect(idleMs: number): void {
      sources = new Sources({ ...source.settings(proxy.endpoint), maxBytes: 1024 * MiB, idleMs });
    }

    /** Opens the file anew, for reads that wait so long. */
    async function reopenWith(idleMs: number): Promise<void> {
      await file.close();
      await sources.close();
      connect(idleMs);
      file = await sources.open(found);
    }

    async function whole(): Promise<boolean> {
      // Reads ahead that failed are told to who comes to them: the file is opened again, as RetriedFile does.
      await file.close();
      file = await sources.open(found);
      const buffer = Buffer.alloc(SIZE);
      for (let at = 0; at < SIZE; ) at += (await file.read(buffer, at, MiB, at)).bytesRead;
      return buffer.equals(content);
    }

    const some = (): Promise<unknown> => file.read(Buffer.alloc(1_000), 0, 1_000, 0);

    /** The first answer with the beginning of the file gets the verdict, all others pass. */
    function onFirstBody(verdict: ReturnType<HttpProxy['onBody']>): void {
      let count = 0;
      proxy.onBody = (_method, _path, _status, headers) =>
        firstByte(headers) === 0 && ++count === 1 ? verdict : 'pass';
    }

    it('reads one piece ahead at first, so that who wants the beginning alone has little of the rest sent', async () => {
      await some();
      expect(ranges).toEqual([0, 8 * MiB]);
      expect(await whole()).toBe(true);
    });

    it.each([
      ['stands still in mid-body', { hangAfter: 3 * MiB }],
      ['breaks by a reset in mid-body', { resetAfter: 3 * MiB }],
      ['ends before all bytes that were announced', { cutAfter: 3 * MiB }],
    ])('goes on where an answer %s', async (_, verdict) => {
      if ('hangAfter' in verdict) await reopenWith(IMPATIENT_MS);
      onFirstBody(verdict);
      expect(await whole()).toBe(true);
      expect(ranges.length).toBeGreaterThanOrEqual(4);
      // 3 MiB of the first answer had come; some of them may be lost in a reset.
      if (!('resetAfter' in verdict)) expect(ranges).toContain(3 * MiB);
    });

    it('waits for a slow answer, as long as bytes come', async () => {
      await reopenWith(IMPATIENT_MS);
      proxy.onBody = () => ({ pauseMs: 2 });
      expect(await whole()).toBe(true);
      expect(ranges.length).toBe(3);
    });

    it.each([
      ['answers 500', { status: 500 }],
      ['answers 503', { status: 503, headers: { 'retry-after': '0' } }],
      ['answers 429', { status: 429 }],
      ['answers something else than a range', { status: 200, body: 'Welcome to the hotel' }],
      ['breaks the connection', 'reset' as const],
      ['does not answer', 'hang' as const],
    ])('tries again if the server %s once', async (_, verdict) => {
      if (verdict === 'hang') await reopenWith(IMPATIENT_MS);
      onRange = (count) => (count === 1 ? verdict : 'pass');
      expect(await whole()).toBe(true);
      expect(ranges.length).toBeGreaterThanOrEqual(4);
    });

    it.each([
      ['answers 500', { status: 500 }],
      ['breaks the connection', 'reset' as const],
      ['does not answer', 'hang' as const],
    ])('gives up for now if the server always %s, with a code and not for good', async (_, verdict) => {
      if (verdict === 'hang') await reopenWith(IMPATIENT_MS);
      onRange = () => verdict;
      const error: unknown = await some().catch((each: unknown) => each);
      expect(error).toMatchObject({ name: 'Error', code: expect.stringMatching(/./) });
      // An attempt that ends by waiting counts twice.
      expect(ranges.filter((from) => from === 0).length).toBe(verdict === 'hang' ? 2 : 4);
      onRange = () => 'pass';
      await reopenWith(PATIENT_MS);
      expect(await whole()).toBe(true);
    });

    it('never takes a whole file, or another range, for the range that it asked for', async () => {
      const lies: ((answer: { status: number; headers: Record<string, unknown> }) => void)[] = [
        (answer) => {
          answer.status = 200;
          delete answer.headers['content-range'];
        },
        ({ headers }) => {
          headers['content-range'] = `bytes 1-${headers['content-length']}/${SIZE}`;
        },
        ({ headers }) => {
          headers['content-range'] = `${headers['content-range']}`.replace(/\d+$/, `${SIZE + 1}`);
        },
        ({ headers }) => {
          delete headers['content-range'];
        },
      ];
      for (const [index, lie] of lies.entries()) {
        const reopened = await sources.open(found);
        proxy.onAnswer = (_method, _path, answer) => {
          if (answer.status === 206) lie(answer);
        };
        const error = await errorOf(reopened.read(Buffer.alloc(1_000), 0, 1_000, 0));
        expect([index, error]).not.toEqual([index, 'nothing']);
        proxy.onAnswer = () => undefined;
        await reopened.close();
      }
      expect(await whole()).toBe(true);
    });

    it('is SOURCE_FORBIDDEN if credentials expire in the middle, and reads on with others', async () => {
      // No range is read ahead of who does not begin at the beginning.
      expect(await errorOf(file.read(Buffer.alloc(10), 0, 10, 5))).toBe('nothing');
      onRange = () => source.expired;
      expect(await errorOf(file.read(Buffer.alloc(10), 0, 10, 16 * MiB))).toBe('SOURCE_FORBIDDEN');
      onRange = () => 'pass';
      expect(await whole()).toBe(true);
    });

    it('lets go of requests that are under way when the file is closed', async () => {
      onRange = () => 'hang';
      const read = errorOf(some());
      while (ranges.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await file.close();
      expect(await read).not.toBe('nothing');
      const deadline = performance.now() + 5_000;
      while (proxy.hanging > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(proxy.hanging).toBe(0);
    });

    it('is SOURCE_UNAVAILABLE if the server is not there when a file is looked for', async () => {
      const uri = source.uri(object, proxy.endpoint);
      await proxy.stop();
      expect(await errorOf(sources.find(uri))).toBe('SOURCE_UNAVAILABLE');
      proxy = await HttpProxy.start(source.port);
    });
  });
}
