import { mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceError } from '../../../src/errors/index.js';
import { CompleteFiles, isMarker } from '../../../src/feeds/coordination/completeness.js';
import type { ListedFile } from '../../../src/sources/index.js';
import { Sources } from '../../../src/sources/index.js';
import { ManualClock } from '../../jobs/support/manual-clock.js';

describe('files that are complete', () => {
  let folder: string;
  let sources: Sources;
  let clock: ManualClock;
  let complete: CompleteFiles;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'batch-complete-')));
    sources = new Sources({
      allowed: [{ scheme: 'file', authority: '', path: folder }],
      connections: [],
      maxBytes: 1_000,
    });
    clock = new ManualClock();
    complete = new CompleteFiles(sources, clock);
    complete.begin();
  });
  afterEach(() => rm(folder, { recursive: true }));

  const file = (name: string, version = '1', ageMs = 60_000): ListedFile => ({
    uri: `file://${folder}/${name}`,
    version,
    sizeBytes: 1,
    modifiedAt: new Date(clock.now() - ageMs),
  });
  const names = (files: readonly ListedFile[]): string[] =>
    files.map(({ uri }) => uri.slice(`file://${folder}/`.length));

  async function mark(name: string, content = ''): Promise<void> {
    await writeFile(join(folder, name), content);
    const longAgo = clock.now() / 1_000 - 30;
    await utimes(join(folder, name), longAgo, longAgo);
  }

  it('are so by their age of 2 s, in a folder', async () => {
    const object = { ...file('x', '1', 100), uri: 's3://bucket/x' };
    expect(await complete.among([file('old'), file('new', '1', 1_000), object], null)).toHaveLength(2);
    expect(complete.end()).toBe(2_000);
  });

  it('have their markers', async () => {
    await mark('a.done');
    await mark('b.sha256');
    const files = [file('a'), file('b'), file('c')];
    expect(names(await complete.among(files, { marker: 'done' }))).toEqual(['a']);
    expect(names(await complete.among(files, { marker: 'sha256' }))).toEqual(['b']);
    expect(await complete.among(files, { marker: '_SUCCESS' })).toEqual([]);
    await mark('_SUCCESS');
    expect(names(await complete.among(files, { marker: '_SUCCESS' }))).toEqual(['a', 'b', 'c']);
    expect(isMarker('s3://b/x.done', { marker: 'done' })).toBe(true);
    expect(isMarker('s3://b/_SUCCESS', { marker: 'done' })).toBe(false);
  });

  it('are not, by a marker that is older, and so an earlier one', async () => {
    await mark('a.done');
    await mark('a.sha256');
    const later = [file('a', '2', 20_000)];
    expect(await complete.among(later, { marker: 'done' })).toEqual([]);
    // Its hash is checked.
    expect(names(await complete.among(later, { marker: 'sha256' }))).toEqual(['a']);
  });

  it('are so beside markers that cannot be read', async () => {
    await mark('a.done');
    await mkdir(join(folder, 'b.done'));
    await symlink(join(folder, 'a.done'), join(folder, 'c.done'));
    await mark('d.done', 'x'.repeat(2_000));
    const files = ['a', 'b', 'c', 'd', 'e'.repeat(253)].map((name) => file(name));
    expect(names(await complete.among(files, { marker: 'done' }))).toEqual(['a', 'd']);
  });

  it('are so after 2 s without a change, if their time is still to come', async () => {
    const files = [file('a', '1', -3_600_000)];
    expect(await complete.among(files, null)).toEqual([]);
    expect(complete.end()).toBe(2_000);
    clock.advance(2_000);
    complete.begin();
    expect(names(await complete.among(files, null))).toEqual(['a']);
  });

  it('are not, if a source that does not answer cannot say so', async () => {
    const away = new CompleteFiles(
      {
        find: async () => {
          throw new ServiceError('SOURCE_UNAVAILABLE', 'away');
        },
      },
      clock,
    );
    await expect(away.among([file('a')], { marker: 'done' })).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  it('have not changed for a time', async () => {
    const stable = { stable: 10 };
    expect(await complete.among([file('a'), file('b')], stable)).toEqual([]);
    expect(complete.end()).toBe(10_000);
    clock.advance(6_000);
    complete.begin();
    expect(await complete.among([file('a'), file('b', '2')], stable)).toEqual([]);
    complete.end();
    clock.advance(6_000);
    complete.begin();
    expect(names(await complete.among([file('a'), file('b', '2')], stable))).toEqual(['a']);
    complete.end();
  });

  it('begin anew when they have been away', async () => {
    const stable = { stable: 10 };
    await complete.among([file('a')], stable);
    complete.end();
    clock.advance(20_000);
    complete.begin();
    complete.end();
    complete.begin();
    expect(await complete.among([file('a')], stable)).toEqual([]);
  });
});
