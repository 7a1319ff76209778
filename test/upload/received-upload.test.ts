import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LocalFileStore } from '../../src/storage/index.js';
import { ReceivedUpload } from '../../src/upload/received-upload.js';

describe('a received upload', () => {
  let folder: string;
  let files: LocalFileStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-upload-'));
    files = new LocalFileStore(folder, 0);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function receive(text: string): Promise<ReceivedUpload> {
    const file = files.create(null);
    await pipeline(Readable.from([Buffer.from(text)]), file.body);
    return new ReceivedUpload(file, 'a.csv', text.length, file.sha256, 'none', Buffer.from(text), {});
  }

  it('is removed if no job took it, under whatever name it has by then', async () => {
    const early = await receive('id\n');
    await early.discard();
    const late = await receive('id\n');
    await late.keep('aaaaaaaa');
    await late.keep('bbbbbbbb');
    expect(await files.list()).toEqual(['bbbbbbbb']);
    await late.discard();
    await late.discard();
    expect(await files.list()).toEqual([]);
    expect(await files.removeUncommitted()).toBe(0);
  });

  it('stays if a job took it', async () => {
    const upload = await receive('id\n');
    await upload.keep('aaaaaaaa');
    upload.handOver();
    await upload.discard();
    expect(await files.has('aaaaaaaa')).toBe(true);
  });
});
