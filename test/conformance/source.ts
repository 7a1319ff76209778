import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type JobSource,
  listedVersion,
  parseSourceUri,
  type SourceSettings,
  Sources,
} from '../../src/sources/index.js';
import type { OpenFile } from '../../src/storage/index.js';
import { errorOf } from '../kit/error-of.js';

const MiB = 1024 ** 2;

/** A system that files are read from, with a folder or a prefix of the suite's own in it. */
export interface SourceUnderTest {
  /** What SOURCES and SOURCE_CONNECTIONS say: they allow the folder `in/`. */
  readonly settings: Pick<SourceSettings, 'allowed' | 'connections'>;
  /** The URI of a path below the place, such as `in/orders.csv`. */
  uri(path: string): string;
  /** Writes a file, or another version of it. */
  put(path: string, content: Buffer): Promise<void>;
  remove(path: string): Promise<void>;
  /** URI and settings with which the file is there, but may not be read. Not called if `canForbid` is false. */
  forbid(path: string): Promise<{ settings: SourceUnderTest['settings']; uri: string }>;
  /** A place that does not exist at all: bucket, container, host's folder. */
  readonly nowhere: { settings: SourceUnderTest['settings']; uri: string };
  dispose(): Promise<void>;
}

const ODD_NAMES = [
  'two words.csv',
  '100%.csv',
  '%41.csv',
  'what?.csv',
  'a#b.csv',
  'a+b&c=d;e,f.csv',
  "it's (1) [2] {3}.csv",
  'Übersicht été 日本 😀.csv',
  'e\u0301.csv',
  'deep/er/and/deeper.csv',
  'dots..in.name.',
  '~tilde!$*@:.csv',
];
/** In the order of their bytes, with folders among the files. */
const BY_BYTES = [
  'Z.csv',
  'a b.csv',
  'a-1.csv',
  'a.csv',
  'a/1.csv',
  'a/2/3.csv',
  'a/4.csv',
  'a0.csv',
  'b%2f.csv',
  'b.csv',
  'é.csv',
  '\uff0d.csv',
  '😀.csv',
];

export interface SourceTraits {
  hasListing?: boolean;
  canForbid?: boolean;
  /** Whether its server deletes files, and compares versions before it does. */
  deletes?: 'compared' | 'unsupported';
  /** By what its server orders names. */
  order?: 'bytes' | 'code units';
}

/** What every source does, whatever is behind it. */
export function describesSource(
  name: string,
  setUp: () => Promise<SourceUnderTest>,
  { hasListing = true, canForbid = true, deletes = 'compared', order = 'bytes' }: SourceTraits = {},
): void {
  // Code units of UTF-16 have another order for characters beyond U+FFFF.
  const IN_ORDER = order === 'bytes' ? BY_BYTES : BY_BYTES.toSorted((a, b) => (a < b ? -1 : 1));
  describe(`a source: ${name}`, () => {
    let place: SourceUnderTest;
    let sources: Sources;
    const others: Sources[] = [];
    let path: string;

    const connect = (settings = place.settings): Sources => {
      const opened = new Sources({ ...settings, maxBytes: 1024 * MiB, idleMs: 10_000 });
      others.push(opened);
      return opened;
    };

    beforeAll(async () => {
      place = await setUp();
      sources = connect();
    });
    afterAll(async () => {
      await Promise.all(others.map((each) => each.close()));
      await place.dispose();
    });
    beforeEach(() => {
      path = `in/${randomUUID()}/orders.csv`;
    });

    async function put(content: Buffer | string): Promise<JobSource> {
      await place.put(path, Buffer.from(content));
      return sources.find(place.uri(path));
    }

    async function readOf(file: OpenFile, from: number, length: number): Promise<Buffer> {
      const buffer = Buffer.alloc(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, from + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    }

    async function contentOf(source: JobSource): Promise<string> {
      const file = await sources.open(source);
      try {
        return (await readOf(file, 0, source.sizeBytes + 10)).toString();
      } finally {
        await file.close();
      }
    }

    if (deletes === 'compared') {
      it('deletes the version that was read, and no other', async () => {
        const first = await put('first');
        await pause(1_100); // HTTP's times have whole seconds
        const second = await put('other');
        await expect(sources.dispose(first, 'tag', null)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
        expect(await sources.find(second.uri)).toEqual(second);
        await sources.dispose(second, 'tag', null);
        await expect(sources.find(second.uri)).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
        await expect(sources.dispose(second, 'tag', null)).rejects.toMatchObject({
          code: expect.stringMatching(/^SOURCE_(NOT_FOUND|CHANGED)$/) as string,
        });
      });
    }

    if (deletes === 'unsupported') {
      it('deletes nothing', async () => {
        const found = await put('first');
        await expect(sources.dispose(found, 'tag', null)).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' });
        expect(await sources.find(found.uri)).toEqual(found);
      });
    }

    it('finds a file with its size, and the same version as long as it is the same', async () => {
      const found = await put('id\n1\n');
      expect(found).toEqual({ uri: place.uri(path), version: expect.any(String), sizeBytes: 5 });
      expect(await connect().find(place.uri(path))).toEqual(found);
      expect(Buffer.byteLength(found.version)).toBeLessThanOrEqual(1_000);
      expect(await contentOf(found)).toBe('id\n1\n');
    });

    it('gives any range of a file, and nothing behind its end', async () => {
      const content = randomBytes(17 * MiB + 3);
      const file = await sources.open(await put(content));
      try {
        const edges = [
          0,
          1,
          8 * MiB - 1,
          8 * MiB,
          16 * MiB - 70_000,
          17 * MiB,
          content.length - 1,
          content.length - 10,
        ];
        for (const from of edges) {
          const read = await readOf(file, from, 140_000);
          expect([from, read.equals(content.subarray(from, from + 140_000))]).toEqual([from, true]);
        }
        expect(await readOf(file, content.length, 10)).toHaveLength(0);
        expect(await readOf(file, content.length + 9 * MiB, 10)).toHaveLength(0);
        expect((await readOf(file, 0, content.length + 1)).equals(content)).toBe(true);
      } finally {
        await file.close();
      }
    });

    it('has nothing in an empty file', async () => {
      const found = await put('');
      expect(found.sizeBytes).toBe(0);
      expect(await contentOf(found)).toBe('');
    });

    it.each(ODD_NAMES)('reads a file of the name %j', async (odd) => {
      path = `in/${randomUUID()}/${odd}`;
      expect(await contentOf(await put(odd))).toBe(odd);
    });

    it('is SOURCE_CHANGED if the file was replaced before it is read, by one of the same size, too', async () => {
      const found = await put('id\n1\n');
      await place.put(path, Buffer.from('id\n2\n'));
      expect(await errorOf(contentOf(found))).toBe('SOURCE_CHANGED');
      const again = await sources.find(place.uri(path));
      expect(again.version).not.toBe(found.version);
      expect(await contentOf(again)).toBe('id\n2\n');
    });

    it('is SOURCE_CHANGED if the file is replaced between two ranges', async () => {
      const [before, after] = [randomBytes(33 * MiB), randomBytes(33 * MiB)];
      const file = await sources.open(await put(before));
      try {
        expect((await readOf(file, 0, 100)).equals(before.subarray(0, 100))).toBe(true);
        await place.put(path, after);
        // What was read ahead before is of the version that was opened.
        expect(await errorOf(readOf(file, 32 * MiB, 100))).toBe('SOURCE_CHANGED');
      } finally {
        await file.close();
      }
    });

    it('is SOURCE_CHANGED or SOURCE_NOT_FOUND if the file is gone', async () => {
      const found = await put('id\n1\n');
      await place.remove(path);
      expect(await errorOf(contentOf(found))).toMatch(/^SOURCE_(CHANGED|NOT_FOUND)$/);
    });

    it('is SOURCE_NOT_FOUND if there never was such a file, nor such a place', async () => {
      expect(await errorOf(sources.find(place.uri(path)))).toBe('SOURCE_NOT_FOUND');
      expect(await errorOf(connect(place.nowhere.settings).find(place.nowhere.uri))).toBe('SOURCE_NOT_FOUND');
    });

    if (canForbid) {
      it('is SOURCE_FORBIDDEN if the credentials do not suffice, and reads nothing', async () => {
        const found = await put('id\n1\n');
        const { settings, uri } = await place.forbid(path);
        const refused = connect(settings);
        expect(await errorOf(refused.find(uri))).toBe('SOURCE_FORBIDDEN');
        const read = async (): Promise<unknown> => {
          const file = await refused.open({ ...found, uri });
          return readOf(file, 0, 5).finally(() => file.close());
        };
        expect(await errorOf(read())).toBe('SOURCE_FORBIDDEN');
      });
    }

    it('is SOURCE_NOT_ALLOWED outside of what SOURCES has, although it is there', async () => {
      const outside = [`out/${randomUUID()}.csv`, `in-${randomUUID()}.csv`];
      for (const each of outside) {
        await place.put(each, Buffer.from('id\n1\n'));
        expect(await errorOf(sources.find(place.uri(each)))).toBe('SOURCE_NOT_ALLOWED');
        expect(await errorOf(sources.open({ uri: place.uri(each), version: '{}', sizeBytes: 5 }))).toBe(
          'SOURCE_NOT_ALLOWED',
        );
      }
    });

    it('reads nothing outside of it by a path that climbs', async () => {
      const name = `out/${randomUUID()}.csv`;
      await place.put(name, Buffer.from('id\n1\n'));
      for (const path of [`in/../${name}`, `in/x/../../${name}`]) {
        // As somebody writes it who encodes nothing.
        const text = place.uri('in/#').replace(/in\/(?:#|%23)$/, path);
        expect(await errorOf(sources.find(text))).toBe('SOURCE_NOT_ALLOWED');
      }
    });

    it('reads several files at the same time', async () => {
      const names = Array.from({ length: 8 }, (_, index) => `in/${randomUUID()}/${index}.csv`);
      await Promise.all(names.map((each) => place.put(each, Buffer.from(each))));
      const contents = await Promise.all(names.map(async (each) => contentOf(await sources.find(place.uri(each)))));
      expect(contents).toEqual(names);
    });

    describe('its listing', () => {
      const signal = AbortSignal.timeout(170_000);

      async function list(prefix: string, limit: number, after?: string): Promise<string[][]> {
        const pages: string[][] = [];
        const options = { limit, signal, after: after === undefined ? after : parseSourceUri(after).path };
        for await (const page of sources.list(prefix, options)) pages.push(page.map(({ uri }) => uri));
        return pages;
      }

      if (!hasListing) {
        it('is SOURCE_UNSUPPORTED', async () => {
          expect(await errorOf(list(place.uri('in/'), 10))).toBe('SOURCE_UNSUPPORTED');
        });
        return;
      }

      let folder: string;
      let expected: string[];
      beforeAll(async () => {
        folder = `in/${randomUUID()}/`;
        expected = IN_ORDER.map((each) => place.uri(`${folder}${each}`));
        // In another order than that of their names.
        for (const each of IN_ORDER.toReversed()) await place.put(`${folder}${each}`, Buffer.from(each));
      });

      it.each([1, 3, 7, 1000])('has all files in the order of their names, in pages of up to %i', async (limit) => {
        const pages = await list(place.uri(folder), limit);
        expect(pages.flat()).toEqual(expected);
        expect(pages.every(({ length }) => length > 0 && length <= limit)).toBe(true);
      });

      it('goes on behind any file, whether that is still there or not', async () => {
        for (const [index, after] of expected.entries()) {
          expect([index, (await list(place.uri(folder), 5, after)).flat()]).toEqual([index, expected.slice(index + 1)]);
        }
        const gone = place.uri(`${folder}a/3.csv`);
        expect((await list(place.uri(folder), 5, gone)).flat()).toEqual(expected.filter((_, index) => index >= 6));
      });

      it('takes a prefix that ends within a name', async () => {
        const those = (beginning: string): string[] =>
          expected.filter((_, index) => IN_ORDER[index]?.startsWith(beginning));
        expect((await list(place.uri(`${folder}a`), 5)).flat()).toEqual(those('a'));
        expect((await list(place.uri(`${folder}a/`), 2)).flat()).toEqual(those('a/'));
        expect(await list(place.uri(`${folder}nothing`), 5)).toEqual([]);
      });

      it('shows size, time, and the version that the file is found with', async () => {
        const listed = [];
        for await (const page of sources.list(place.uri(folder), { limit: 4, signal })) listed.push(...page);
        for (const { uri, version, sizeBytes, modifiedAt } of listed) {
          const found = await sources.find(uri);
          expect(found).toMatchObject({ uri, sizeBytes });
          expect(listedVersion(parseSourceUri(uri).scheme, found.version)).toBe(version);
          expect(Math.abs(modifiedAt.getTime() - Date.now())).toBeLessThan(24 * 3600_000);
        }
        expect(listed.map(({ sizeBytes }) => sizeBytes)).toEqual(IN_ORDER.map((each) => Buffer.byteLength(each)));
      });

      it('shows another version of a file that was replaced', async () => {
        const only = async (): Promise<string> => {
          for await (const [file] of sources.list(place.uri(path), { limit: 4, signal })) return file?.version ?? '';
          return '';
        };
        await put('id\n1\n');
        const first = await only();
        await put('id\n2\n');
        expect(await only()).not.toBe(first);
      });

      it('has nothing that SOURCES does not allow', async () => {
        await place.put('in-secret/orders.csv', Buffer.from('id\n'));
        expect(await errorOf(list(place.uri('in-secret/'), 5))).toBe('SOURCE_NOT_ALLOWED');
        expect(await errorOf(list(place.uri('i'), 5))).toBe('SOURCE_NOT_ALLOWED');
        const all = (await list(place.uri('in'), 1000)).flat();
        expect(all).toEqual(expect.arrayContaining(expected));
        expect(all.filter((uri) => !uri.startsWith(place.uri('in/')))).toEqual([]);
      });

      it('ends when it is told to', async () => {
        const stop = new AbortController();
        const read = async (): Promise<void> => {
          for await (const _ of sources.list(place.uri(folder), { limit: 1, signal: stop.signal })) stop.abort();
        };
        expect(await errorOf(read())).toMatch(/SOURCE_UNAVAILABLE|AbortError/);
      });

      it('is SOURCE_NOT_FOUND if the place does not exist', async () => {
        const nowhere = connect(place.nowhere.settings);
        const read = async (): Promise<void> => {
          for await (const _ of nowhere.list(place.nowhere.uri, { limit: 1, signal }))
            throw new Error('There is a file');
        };
        expect(await errorOf(read())).toBe('SOURCE_NOT_FOUND');
      });
    });
  });
}
