import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { utimesSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, realpath, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { Sources } from '../../src/sources/index.js';
import { listLocalFiles } from '../../src/sources/local/list-local-files.js';
import { statLocalFile } from '../../src/sources/local/local-source.js';
import { hrefOf, parseSourcePrefix, parseSourceUri } from '../../src/sources/source-uri.js';
import { describesSource, type SourceUnderTest } from '../conformance/source.js';
import { errorOf } from '../kit/error-of.js';
import { settingsOf } from './settings.js';

/** Whoever is root may read everything. */
const canForbid = process.getuid?.() !== 0;

async function newPlace(): Promise<SourceUnderTest & { folder: string }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'batch-source-')));
  const settings = settingsOf([`file:${folder}/in`]);
  const uri = (path: string): string => `file://${folder}/${path.split('/').map(encodeURIComponent).join('/')}`;
  let written = 0;
  return {
    folder,
    settings,
    uri,
    async put(path, content) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      const temporary = join(folder, randomUUID());
      await writeFile(temporary, content);
      // Long enough ago to be complete; each at another time.
      const time = new Date(Date.now() - 3600_000 + 10 * written++);
      await utimes(temporary, time, time);
      await rename(temporary, target);
    },
    remove: (path) => rm(join(folder, path)),
    async forbid(path) {
      await writeFile(join(folder, path), 'id\n1\n', { mode: 0 });
      await rm(join(folder, path));
      await writeFile(join(folder, path), 'id\n1\n', { mode: 0 });
      const time = new Date(Date.now() - 3600_000);
      await utimes(join(folder, path), time, time);
      return { settings, uri: uri(path) };
    },
    nowhere: { settings, uri: uri('in/no such folder/orders.csv') },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

describesSource('local', newPlace, { canForbid });

describe('a local source', () => {
  let place: Awaited<ReturnType<typeof newPlace>>;
  let sources: Sources;

  beforeEach(async () => {
    place = await newPlace();
    sources = new Sources({ ...place.settings, maxBytes: 1_000 });
    await place.put('in/a/orders.csv', Buffer.from('id\n1\n'));
    await place.put('out/secret.csv', Buffer.from('id\n2\n'));
  });
  afterEach(() => place.dispose());

  const list = async (prefix: string, enters?: (folder: string) => boolean): Promise<string[]> => {
    const found: string[] = [];
    const options = { limit: 100, enters, signal: AbortSignal.timeout(60_000) };
    for await (const page of sources.list(place.uri(prefix), options)) found.push(...page.map(({ uri }) => uri));
    return found;
  };

  it('follows no symbolic link, wherever on the path it is, neither to read nor to list', async () => {
    await symlink(join(place.folder, 'out/secret.csv'), join(place.folder, 'in/link.csv'));
    await symlink(join(place.folder, 'out'), join(place.folder, 'in/linked'));
    expect(await errorOf(sources.find(place.uri('in/link.csv')))).toBe('SOURCE_UNSUPPORTED');
    expect(await errorOf(sources.find(place.uri('in/linked/secret.csv')))).toBe('SOURCE_UNSUPPORTED');
    expect(await errorOf(list('in/linked/'))).toBe('SOURCE_UNSUPPORTED');
    expect(await list('in/')).toEqual([place.uri('in/a/orders.csv')]);
  });

  it('reads nothing by a link that somebody puts onto the path while a file is opened', async () => {
    await place.put('in/x/a.csv', Buffer.from('inside'));
    await place.put('out/a.csv', Buffer.from('a secret'));
    const [inside, aside, outside] = ['in/x', 'in/y', 'out'].map((path) => join(place.folder, path));
    const flip = `
      const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
      const { inside, aside, outside, stop } = require('node:worker_threads').workerData;
      while (Atomics.load(stop, 0) === 0) {
        renameSync(inside, aside);
        symlinkSync(outside, inside);
        Atomics.wait(stop, 0, 0, 1);
        unlinkSync(inside);
        renameSync(aside, inside);
        Atomics.wait(stop, 0, 0, 1);
      }`;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(flip, { eval: true, workerData: { inside, aside, outside, stop } });
    const ended = once(worker, 'exit');
    const uri = parseSourceUri(place.uri('in/x/a.csv'));
    const seen = new Set<string>();
    for (let round = 0; round < 10_000; round++) {
      try {
        seen.add(`${(await statLocalFile(uri)).sizeBytes} bytes`);
      } catch (error) {
        seen.add((error as { code: string }).code);
      }
    }
    Atomics.store(stop, 0, 1);
    await ended;
    expect([...seen].filter((each) => !each.startsWith('SOURCE_'))).toEqual(['6 bytes']);
  });

  it('sees a write that comes while it opens the file', async () => {
    const path = `${place.folder}/in/written.csv`;
    await writeFile(path, 'id\n1\n');
    await utimes(path, 1_700_000_000, 1_700_000_000);
    const found = errorOf(statLocalFile(parseSourceUri(place.uri('in/written.csv'))));
    const asked = Date.now();
    while (Date.now() < asked + 3);
    utimesSync(path, new Date(), new Date());
    expect(await found).toBe('SOURCE_CHANGED');
  });

  it('reads no folder, device or pipe, and no path that climbs', async () => {
    expect(await errorOf(sources.find(place.uri('in/a')))).toBe('SOURCE_UNSUPPORTED');
    expect(await errorOf(sources.find(`file://${place.folder}/in/../out/secret.csv`))).toBe('SOURCE_NOT_ALLOWED');
    expect(await errorOf(sources.find(`file://${place.folder}/in/%2e%2e/out/secret.csv`))).toBe('SOURCE_NOT_ALLOWED');
    expect(await errorOf(sources.find(`file://${place.folder}/in/..%2fout/secret.csv`))).toBe('SOURCE_NOT_ALLOWED');
    const devices = new Sources({ ...settingsOf(['file:/dev']), maxBytes: 1_000 });
    expect(await errorOf(devices.find('file:///dev/zero'))).toBe('SOURCE_UNSUPPORTED');
  });

  it('says what is there instead of a file', async () => {
    const told = (name: string): Promise<string> =>
      sources.find(place.uri(name)).then(String, ({ message }: Error) => message.slice(place.uri('in/').length));
    await mkdir(join(place.folder, 'in/folder'));
    await symlink(join(place.folder, 'in/folder'), join(place.folder, 'in/linked folder'));
    await writeFile(join(place.folder, 'in/folder/a.csv'), 'id\n');
    expect(await told('in/folder')).toMatch(/^folder is a folder: a job reads one file, a feed those of a folder$/);
    expect(await told('in/linked folder/a.csv')).toMatch(/ has a symbolic link on its path: name the file by its real/);
    expect(await told('in/*.csv')).toMatch(/; \* stands for any text in the URI of a feed only$/);
    expect(() => parseSourceUri(place.uri('in/folder/'))).toThrow(/it names a folder, not a file/);
  });

  it('takes no file that was written a moment ago, as it may still be written', async () => {
    await writeFile(join(place.folder, 'in/now.csv'), 'id\n');
    expect(await errorOf(sources.find(place.uri('in/now.csv')))).toBe('SOURCE_CHANGED');
  });

  // Whoever is root may read everything, and becomes nobody for this.
  (canForbid ? it.skip : it)('lists what it may read beside what it may not', async () => {
    await chmod(place.folder, 0o755);
    for (const [name, mode] of [
      ['lost+found', 0],
      ['names only', 0o744],
    ] as const) {
      await place.put(`in/${name}/x.csv`, Buffer.from('id\n'));
      await chmod(join(place.folder, 'in', name), mode);
    }
    process.seteuid?.(65_534);
    try {
      expect(await list('in/')).toEqual([place.uri('in/a/orders.csv')]);
    } finally {
      process.seteuid?.(0);
    }
  });

  it('lists what has a name beside what lies too deep to have one', async () => {
    const at = process.cwd();
    process.chdir(join(place.folder, 'in'));
    try {
      for (let depth = 0; depth < 20; depth++) {
        await mkdir('d'.repeat(250));
        process.chdir('d'.repeat(250));
      }
      await writeFile('deep.csv', '');
    } finally {
      process.chdir(at);
    }
    expect(await list('in/')).toEqual([place.uri('in/a/orders.csv')]);
    expect(await errorOf(sources.find(place.uri(`in/${'x'.repeat(300)}`)))).toBe('SOURCE_NOT_FOUND');
    // Node asks for each file by its whole path.
    execFileSync('rm', ['-rf', join(place.folder, 'in')]);
  });

  it('enters no folder that it is told not to', async () => {
    await place.put('in/b/orders.csv', Buffer.from('id\n'));
    const entered: string[] = [];
    const enters = (folder: string): boolean => {
      entered.push(folder.slice(place.folder.length));
      return folder.endsWith('/b/');
    };
    expect(await list('in/', enters)).toEqual([place.uri('in/b/orders.csv')]);
    expect(entered.toSorted()).toEqual(['/in/a/', '/in/b/']);
  });

  it('lists folders of more names than it holds, whatever is in them, in pages of any size and from any point', async () => {
    const part = fc.constantFrom('a', 'b', 'a b', 'a-', 'a.', 'aa', 'ab', 'é', '\uff0d', '😀', '0', '~');
    const paths = fc.array(fc.array(part, { minLength: 1, maxLength: 3 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(paths, fc.integer({ min: 1, max: 9 }), fc.nat(), async (tree, limit, at) => {
        const folder = join(place.folder, 'in', randomUUID());
        await mkdir(folder);
        // A name is that of a folder or that of a file.
        for (const parts of tree) {
          const path = join(folder, ...parts.map((each) => `${each}.d`), 'file');
          await mkdir(dirname(path), { recursive: true });
          await writeFile(path, '');
          await writeFile(join(dirname(path), `${parts.at(-1)}`), '');
        }
        const prefix = parseSourcePrefix(`file://${folder}/`);
        const pages = async (namesAtOnce: number, after?: string): Promise<string[][]> => {
          const found: string[][] = [];
          const options = { limit, after, signal: AbortSignal.timeout(60_000) };
          for await (const page of listLocalFiles(prefix, options, namesAtOnce)) found.push(page.map(({ uri }) => uri));
          return found;
        };
        const every = await readdir(folder, { recursive: true, withFileTypes: true });
        const expected = every
          .filter((entry) => entry.isFile())
          .map((entry) => Buffer.from(join(entry.parentPath, entry.name)))
          .toSorted(Buffer.compare)
          .map(String);
        const uris = expected.map((path) => hrefOf(prefix, path));
        for (const namesAtOnce of [1, 2, 5]) {
          const found = await pages(namesAtOnce);
          expect(found.flat()).toEqual(uris);
          expect(found.every(({ length }) => length > 0 && length <= limit)).toBe(true);
          const from = at % (expected.length + 1);
          expect((await pages(namesAtOnce, expected[from - 1])).flat()).toEqual(uris.slice(from));
        }
        await rm(folder, { recursive: true });
      }),
      { numRuns: 40 },
    );
  });
});
