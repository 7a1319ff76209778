import { mkdtemp, readdir, readFile, realpath, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposeOfLocalFile } from '../../../src/sources/local/dispose-local-file.js';
import { statLocalFile } from '../../../src/sources/local/local-source.js';
import { parseSourceUri } from '../../../src/sources/source-uri.js';

describe('a local file that was delivered', () => {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  const uri = () => parseSourceUri(`file://${folder}/a.csv`);

  async function put(content: string): Promise<void> {
    await writeFile(path('new'), content);
    await utimes(path('new'), 1_000, 1_000);
    await rename(path('new'), path('a.csv'));
  }

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'batch-dispose-')));
    await put('first');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is deleted', async () => {
    await disposeOfLocalFile(uri(), await statLocalFile(uri()), 'tag', null);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is moved into folders that are made, and over no other file', async () => {
    await disposeOfLocalFile(uri(), await statLocalFile(uri()), 't1', path('done/x/a.csv'));
    await put('second');
    await disposeOfLocalFile(uri(), await statLocalFile(uri()), 't2', path('done/x/a.csv'));
    expect((await readdir(path('done/x'))).toSorted()).toEqual(['a.csv', 'a.csv.t2']);
    expect(await readFile(path('done/x/a.csv.t2'), 'utf8')).toBe('second');
    expect(await readdir(folder)).toEqual(['done']);
  });

  it('stays if it is another version by now, of the same size and time', async () => {
    const read = await statLocalFile(uri());
    await put('other');
    await expect(disposeOfLocalFile(uri(), read, 'tag', null)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(await readdir(folder)).toEqual(['a.csv']);
    expect(await readFile(path('a.csv'), 'utf8')).toBe('other');
  });

  it('is deleted after its process was killed between the steps, and one that has come since stays', async () => {
    const read = await statLocalFile(uri());
    await rename(path('a.csv'), path('.batch-done-tag'));
    await put('later');
    // The one that has come since is put aside in the place of the first, compared, and put back.
    await expect(disposeOfLocalFile(uri(), read, 'tag', null)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(await readFile(path('a.csv'), 'utf8')).toBe('later');
    await rm(path('a.csv'));
    await writeFile(path('.batch-done-tag'), 'first');
    await utimes(path('.batch-done-tag'), 1_000, 1_000);
    await disposeOfLocalFile(uri(), read, 'tag', null);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is not found if it is gone, and no link is followed', async () => {
    const read = await statLocalFile(uri());
    await rm(path('a.csv'));
    await expect(disposeOfLocalFile(uri(), read, 'tag', null)).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    await writeFile(path('target'), 'first');
    await symlink(path('target'), path('a.csv'));
    await expect(disposeOfLocalFile(uri(), read, 'tag', null)).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' });
    expect(await readFile(path('target'), 'utf8')).toBe('first');
  });
});
