import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposeOfLocalFile } from '../../../src/sources/local/dispose-local-file.js';
import { statLocalFile } from '../../../src/sources/local/local-source.js';
import { parseSourceUri } from '../../../src/sources/source-uri.js';

const NOBODY = 65_534;

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
    await disposeOfLocalFile(uri(), read, 'tag', null);
    expect(await readdir(folder)).toEqual(['a.csv']);
    expect(await readFile(path('a.csv'), 'utf8')).toBe('later');
  });

  it('is moved once, after its process was killed between any two steps, and is never written over', async () => {
    const read = await statLocalFile(uri());
    await rename(path('a.csv'), path('.batch-done-tag'));
    await put('later');
    await mkdir(path('done'));
    await link(path('.batch-done-tag'), path('done/a.csv'));
    await disposeOfLocalFile(uri(), read, 'tag', path('done/a.csv'));
    expect((await readdir(folder)).toSorted()).toEqual(['a.csv', 'done']);
    expect(await readdir(path('done'))).toEqual(['a.csv']);
    expect(await readFile(path('done/a.csv'), 'utf8')).toBe('first');
    expect(await readFile(path('a.csv'), 'utf8')).toBe('later');
  });

  it('is not touched if it is another version, which a job may read', async () => {
    const read = await statLocalFile(uri());
    await put('other');
    const before = await lstat(path('a.csv'), { bigint: true });
    await expect(disposeOfLocalFile(uri(), read, 'tag', null)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect((await lstat(path('a.csv'), { bigint: true })).ctimeNs).toBe(before.ctimeNs);
  });

  (process.platform === 'linux' ? it : it.skip)('stays under its name if it cannot be moved', async () => {
    const read = await statLocalFile(uri());
    const elsewhere = await mkdtemp('/dev/shm/batch-dispose-');
    const moved = disposeOfLocalFile(uri(), read, 'tag', join(elsewhere, 'a.csv'));
    await expect(moved).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' });
    await rm(elsewhere, { recursive: true });
    await writeFile(path('done'), 'a file');
    await expect(disposeOfLocalFile(uri(), read, 'tag', path('done/a.csv'))).rejects.toThrow();
    expect((await readdir(folder)).toSorted()).toEqual(['a.csv', 'done']);
  });

  it('is not moved where a symbolic link leads', async () => {
    await mkdir(path('elsewhere'));
    await mkdir(path('done'));
    await symlink(path('elsewhere'), path('done/x'));
    const moved = disposeOfLocalFile(uri(), await statLocalFile(uri()), 'tag', path('done/x/y/a.csv'));
    await expect(moved).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' });
    expect(await readdir(path('elsewhere'))).toEqual([]);
    expect((await readdir(folder)).toSorted()).toEqual(['a.csv', 'done', 'elsewhere']);
  });

  // Linux lets nobody link to a file of somebody else's that they may not write to.
  (process.getuid?.() === 0 ? it : it.skip)('is moved, over no other file, though it is of another user', async () => {
    await chmod(folder, 0o777);
    process.seteuid?.(NOBODY);
    try {
      await disposeOfLocalFile(uri(), await statLocalFile(uri()), 't1', path('done/a.csv'));
      process.seteuid?.(0);
      await put('second');
      process.seteuid?.(NOBODY);
      await disposeOfLocalFile(uri(), await statLocalFile(uri()), 't2', path('done/a.csv'));
    } finally {
      process.seteuid?.(0);
    }
    expect(await readdir(folder)).toEqual(['done']);
    expect(await readFile(path('done/a.csv'), 'utf8')).toBe('first');
    expect(await readFile(path('done/a.csv.t2'), 'utf8')).toBe('second');
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
