import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { IncomingFile } from '../../../src/storage/index.js';
import { LocalFileStore } from '../../../src/storage/local/local-file-store.js';
import { asStorageError } from '../../../src/storage/local/spool-file.js';
import { describesFileStore } from '../../conformance/file-store.js';

describesFileStore('a local folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batch-spool-'));
  return {
    connect: (installationId = 'a') => new LocalFileStore(join(folder, 'spool'), 0, installationId),
    truncate: async (key) => {
      const path = join(folder, 'spool', key);
      await truncate(path, (await stat(path)).size - 1);
    },
    isEmpty: async () =>
      (await readdir(join(folder, 'spool'), { recursive: true })).every((name) => name === 'installation'),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});

describe('a local folder', () => {
  let folder: string;

  async function received(files: LocalFileStore): Promise<IncomingFile> {
    const file = files.create(null);
    await pipeline(Readable.from([Buffer.from('id\n')]), file.body);
    return file;
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-spool-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('has no room if less than the minimum would stay free', async () => {
    const roomy = new LocalFileStore(folder, 0);
    await roomy.requireRoom(1);
    await expect(roomy.requireRoom((await roomy.room()) * 2)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    await (await received(roomy)).commit('aaaaaaaa');
    const full = new LocalFileStore(folder, Number.MAX_SAFE_INTEGER);
    await expect(full.requireRoom(0)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    await expect(full.share('aaaaaaaa', 3, null)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    await roomy.close();
  });

  it('gives a file another key, if the first was taken', async () => {
    const files = new LocalFileStore(folder, 0);
    const file = await received(files);
    await file.commit('aaaaaaaa');
    await file.commit('bbbbbbbb');
    expect([await files.has('aaaaaaaa'), await files.list()]).toEqual([false, ['bbbbbbbb']]);
    await files.close();
  });

  it('that one process alone has forgets what was not committed at its start', async () => {
    const before = new LocalFileStore(folder, 0);
    await (await received(before)).commit('aaaaaaaa');
    await received(before);
    await before.share('aaaaaaaa', 3, null);
    await before.close();
    const files = new LocalFileStore(folder, 0);
    await files.open();
    expect([await files.removeUncommitted(), await files.removeUncommitted()]).toEqual([2, 0]);
    expect([await files.list(), await readdir(folder)]).toEqual([['aaaaaaaa'], ['aaaaaaaa']]);
    await files.close();
  });

  it('keeps a file that no job knows aside, until its time has come', async () => {
    const files = new LocalFileStore(folder, 0);
    await (await received(files)).commit('aaaaaaaa');
    const before = Date.now() - 60_000;
    expect(await files.moveAside('aaaaaaaa', Date.now())).toContain('orphans/aaaaaaaa');
    expect([await files.has('aaaaaaaa'), await files.list()]).toEqual([false, []]);
    await expect(files.share('aaaaaaaa', 3, null)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
    expect(await files.removeOrphans(before)).toEqual([]);
    expect(await files.removeOrphans(Date.now() + 60_000)).toEqual(['aaaaaaaa']);
    expect(await files.removeOrphans(Date.now() + 60_000)).toEqual([]);
    expect(await readdir(folder)).toEqual(['orphans']);
    await files.close();
  });

  it.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('calls %s a lack of storage', (code) => {
    expect(asStorageError(Object.assign(new Error('x'), { code }))).toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
  });

  it('leaves other errors as they are', () => {
    const error = Object.assign(new Error('x'), { code: 'EIO' });
    expect(asStorageError(error)).toBe(error);
  });
});
