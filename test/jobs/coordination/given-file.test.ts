import { mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openGivenSource, openSettledSource } from '../../../src/jobs/coordination/given-file.js';
import { parseAllowedSource, Sources } from '../../../src/sources/index.js';

describe('a file that is given where it lies', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'batch-given-')));
  const allowed = [parseAllowedSource(`file:${folder}`)].flatMap((each) => each ?? []);
  const sources = new Sources({ allowed, connections: [], maxBytes: 200_000 });
  afterAll(async () => {
    await sources.close();
    rmSync(folder, { recursive: true });
  });

  function put(name: string, content: Buffer | string): string {
    writeFileSync(join(folder, name), content);
    utimesSync(join(folder, name), 1_700_000_000, 1_700_000_000);
    return `file://${folder}/${name}`;
  }

  it('is known by its beginning, and stays what it is', async () => {
    const content = `id\n${'1\n'.repeat(60_000)}`;
    const uri = put('orders.csv', content);
    const given = await openGivenSource(sources, uri);
    expect(given).toMatchObject({
      filename: 'orders.csv',
      sizeBytes: content.length,
      sha256: null,
      fileCompression: 'none',
      fileKey: null,
      source: { uri, sizeBytes: content.length, version: expect.stringMatching(/^120003-1700000000000000000-/) },
    });
    expect(given.head.subarray(0, 5).toString()).toBe('id\n1\n');
    expect(given.head.length).toBeLessThanOrEqual(65_536);
    await given.keep('a key');
    given.handOver();
    expect((await openGivenSource(sources, uri)).source).toEqual(given.source);
  });

  it('may be compressed', async () => {
    const { fileCompression, head } = await openGivenSource(sources, put('orders.csv.gz', gzipSync('id\n1\n')));
    expect([fileCompression, head.toString()]).toEqual(['gzip', 'id\n1\n']);
  });

  it.each([
    ['empty.csv', '', 'READ_ERROR'],
    ['broken.gz', Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]), 'READ_ERROR'],
    ['large.csv', 'x'.repeat(200_001), 'FILE_TOO_LARGE'],
  ])('is refused if nothing can be done with it: %s', async (name, content, code) => {
    await expect(openGivenSource(sources, put(name, content))).rejects.toMatchObject({ code });
  });

  it('may just have been written if somebody waits for it, but not still be written', async () => {
    const uri = put('fresh.csv', 'id\n1\n');
    const touch = (): void => utimesSync(join(folder, 'fresh.csv'), new Date(), new Date());
    touch();
    await expect(openGivenSource(sources, uri)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect((await openSettledSource(sources, uri)).sizeBytes).toBe(5);
    const writing = setInterval(touch, 100);
    try {
      touch();
      await expect(openSettledSource(sources, uri)).rejects.toMatchObject({
        code: 'SOURCE_CHANGED',
        message: `${uri} was changed less than 2 s ago, so it may still be written`,
      });
    } finally {
      clearInterval(writing);
    }
  });

  it.each([
    [`file://${folder}/none.csv`, 'SOURCE_NOT_FOUND'],
    [`file://${folder}`, 'SOURCE_UNSUPPORTED'],
    ['file:///etc/passwd', 'SOURCE_NOT_ALLOWED'],
    ['orders.csv', 'INVALID_SOURCE'],
  ])('is refused as its source says: %s', async (uri, code) => {
    await expect(openGivenSource(sources, uri)).rejects.toMatchObject({ code });
  });
});
