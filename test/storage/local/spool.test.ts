import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asStorageError, Spool } from '../../../src/storage/local/spool.js';
import { ReceivedUpload } from '../../../src/upload/received-upload.js';

describe('the spool', () => {
  let folder: string;
  let spool: Spool;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-spool-'));
    spool = new Spool(join(folder, 'spool'), 0);
    await spool.open();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function receive(text: string): Promise<ReceivedUpload> {
    const part = spool.newPart();
    await writeFile(part, text);
    return new ReceivedUpload(spool, part, 'a.csv', text.length, 'a'.repeat(64), 'none', Buffer.from(text), {});
  }

  it('can be opened again', async () => {
    await spool.open();
    expect(await spool.list()).toEqual([]);
  });

  it('gives a received file to a job, and to another one where the first id was taken', async () => {
    const upload = await receive('id\n');
    await upload.keepAs('aaaaaaaa');
    expect([await spool.has('aaaaaaaa'), await spool.list()]).toEqual([true, ['aaaaaaaa']]);
    await upload.keepAs('bbbbbbbb');
    expect([await spool.has('aaaaaaaa'), await spool.list()]).toEqual([false, ['bbbbbbbb']]);
    expect(await readFile(spool.path('bbbbbbbb'), 'utf8')).toBe('id\n');
  });

  it('loses a file that no job took, under whatever name it has by then', async () => {
    const early = await receive('id\n');
    await early.discard();
    const late = await receive('id\n');
    await late.keepAs('aaaaaaaa');
    await late.discard();
    await late.discard();
    expect(await spool.list()).toEqual([]);
    expect(await spool.removeParts()).toBe(0);
  });

  it('keeps a file that a job took', async () => {
    const upload = await receive('id\n');
    await upload.keepAs('aaaaaaaa');
    upload.handOver();
    await upload.discard();
    expect(await spool.has('aaaaaaaa')).toBe(true);
    await spool.remove('aaaaaaaa');
    await spool.remove('aaaaaaaa');
    expect(await spool.has('aaaaaaaa')).toBe(false);
  });

  it('shares a kept file, of which each holder removes its own name', async () => {
    await writeFile(spool.path('aaaaaaaa'), 'id\n');
    const part = await spool.share('aaaaaaaa', 3);
    expect(await spool.removeParts()).toBe(1);
    await expect(readFile(part)).rejects.toMatchObject({ code: 'ENOENT' });
    const kept = await spool.keep(await spool.share('aaaaaaaa', 3), 'bbbbbbbb');
    await spool.remove('aaaaaaaa');
    expect(await readFile(kept, 'utf8')).toBe('id\n');
    await expect(spool.share('aaaaaaaa', 3)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
    await expect(new Spool(spool.folder, Number.MAX_SAFE_INTEGER).share('bbbbbbbb', 3)).rejects.toMatchObject({
      code: 'INSUFFICIENT_STORAGE',
    });
  });

  it('forgets what a former process left half received, and nothing else', async () => {
    await receive('half');
    await writeFile(spool.path('aaaaaaaa'), 'whole');
    expect(await spool.removeParts()).toBe(1);
    expect(await spool.list()).toEqual(['aaaaaaaa']);
  });

  it('has no room where less than the minimum would stay free', async () => {
    await spool.requireRoom(1);
    const room = await spool.room();
    await expect(spool.requireRoom(room * 2)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
    const full = new Spool(spool.folder, Number.MAX_SAFE_INTEGER);
    await expect(full.requireRoom(0)).rejects.toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
  });

  it.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('calls %s a lack of storage', (code) => {
    expect(asStorageError(Object.assign(new Error('x'), { code }))).toMatchObject({ code: 'INSUFFICIENT_STORAGE' });
  });

  it('leaves other errors as they are', () => {
    const error = Object.assign(new Error('x'), { code: 'EIO' });
    expect(asStorageError(error)).toBe(error);
  });
});
