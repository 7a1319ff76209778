import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LocalFileStore } from '../../../src/storage/local/local-file-store.js';
import { asStorageError } from '../../../src/storage/local/spool-file.js';
import { describesFileStore } from '../../conformance/file-store.js';

describesFileStore('a local folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batch-spool-'));
  return {
    connect: () => new LocalFileStore(join(folder, 'spool'), 0),
    truncate: async (jobId) => {
      const path = join(folder, 'spool', jobId);
      await truncate(path, (await stat(path)).size - 1);
    },
    isEmpty: async () =>
      (await readdir(join(folder, 'spool'), { recursive: true })).every((name) => name === 'orphans'),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});

describe('a local folder', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-spool-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('has no room if less than the minimum would stay free', async () => {
    const roomy = new LocalFileStore(folder, 0);
    await roomy.requireRoom(1);
    await expect(roomy.requireRoom((await roomy.room()) * 2)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    const file = roomy.create();
    await pipeline(Readable.from([Buffer.from('id\n')]), file.body);
    await file.commit('aaaaaaaa');
    const full = new LocalFileStore(folder, Number.MAX_SAFE_INTEGER);
    await expect(full.requireRoom(0)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    await expect(full.share('aaaaaaaa', 3)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    await roomy.close();
  });

  it.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('calls %s a lack of storage', (code) => {
    expect(asStorageError(Object.assign(new Error('x'), { code }))).toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
  });

  it('leaves other errors as they are', () => {
    const error = Object.assign(new Error('x'), { code: 'EIO' });
    expect(asStorageError(error)).toBe(error);
  });
});
