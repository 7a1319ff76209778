import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FolderWatch, watchLocalFolder } from '../../../src/sources/local/watch-local-folder.js';

describe('a watch of a local folder', () => {
  let root: string;
  let folder: string;
  let told: string[];
  let watch: FolderWatch;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'batch-watch-'));
    folder = join(root, 'in');
    await mkdir(folder);
    told = [];
    watch = await watchLocalFolder(folder, (name) => told.push(name));
  });
  afterEach(async () => {
    watch.close();
    await rm(root, { recursive: true, force: true });
  });

  async function until(what: () => boolean): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!what()) {
      if (Date.now() > deadline) throw new Error(`told of ${JSON.stringify(told)}`);
      await sleep(10);
    }
  }

  it('tells of files that are created, or moved there', async () => {
    await writeFile(join(folder, 'a.csv'), 'x');
    await until(() => told.includes('a.csv'));
    await writeFile(join(root, 'b.csv'), 'x');
    await rename(join(root, 'b.csv'), join(folder, 'b.csv'));
    await until(() => told.includes('b.csv'));
  });

  it('tells of nothing that is written to, removed, or a folder', async () => {
    await writeFile(join(folder, 'a.csv'), 'x');
    await until(() => told.includes('a.csv'));
    const before = told.length;
    await appendFile(join(folder, 'a.csv'), 'y');
    await mkdir(join(folder, 'sub'));
    await rm(join(folder, 'a.csv'));
    await writeFile(join(folder, 'last.csv'), 'x');
    await until(() => told.includes('last.csv'));
    expect(new Set(told.slice(before))).toEqual(new Set(['last.csv']));
  });

  it('is over when its folder is another one', async () => {
    expect(await watch.isAlive()).toBe(true);
    await rename(folder, join(root, 'old'));
    await mkdir(folder);
    expect(await watch.isAlive()).toBe(false);
    await rm(folder, { recursive: true });
    expect(await watch.isAlive()).toBe(false);
  });

  it('is over when it is closed', async () => {
    watch.close();
    await writeFile(join(folder, 'a.csv'), 'x');
    await sleep(100);
    expect(told).toEqual([]);
    expect(await watch.isAlive()).toBe(false);
  });

  it('fails if there is no such folder', async () => {
    await expect(watchLocalFolder(join(root, 'nothing'), () => undefined)).rejects.toThrow(/ENOENT/);
  });
});
