import { mkdir, mkdtemp, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompleteFiles } from '../../../src/feeds/coordination/completeness.js';
import { FeedLease, FeedLeaseLost } from '../../../src/feeds/coordination/feed-lease.js';
import { isUnlisted, lookForFiles } from '../../../src/feeds/coordination/feed-look.js';
import type { FeedDefinition } from '../../../src/feeds/domain/feed.js';
import { FeedFileStore } from '../../../src/feeds/store/feed-file-store.js';
import { FeedStore } from '../../../src/feeds/store/feed-store.js';
import { Sources } from '../../../src/sources/index.js';
import { ManualClock } from '../../jobs/support/manual-clock.js';
import { openStore, type StoreFixture } from '../../jobs/support/store-fixture.js';
import { settingsOf } from '../../sources/settings.js';

const DAY_S = 86_400;

describe('the listing of a feed', () => {
  const { signal } = new AbortController();
  const clock = new ManualClock();
  let folder: string;
  let fixture: StoreFixture;
  let feeds: FeedStore;
  let files: FeedFileStore;
  let options: Parameters<typeof lookForFiles>[0];
  let definition: FeedDefinition;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'batch-look-')));
    fixture = await openStore();
    feeds = new FeedStore(fixture.db, clock);
    files = new FeedFileStore(fixture.db, clock);
    const sources = new Sources({ ...settingsOf([`file:${folder}`]), maxBytes: 1_000 });
    options = { sources, files, complete: new CompleteFiles(sources, clock), clock };
    const kept = { after: 'keep', afterPartial: 'keep', moveTo: null, again: 'changed', complete: null } as const;
    const uri = `file://${folder}/in/*.csv`;
    definition = {
      uri,
      modelId: 'orders',
      options: {},
      metadata: {},
      every: DAY_S,
      maxFailures: 10,
      owner: null,
      ...kept,
    };
    await mkdir(join(folder, 'in'));
    for (const name of ['a.csv', 'b.csv']) await put(name);
    await feeds.create('in', definition);
  });
  afterEach(async () => {
    await fixture.close();
    await rm(folder, { recursive: true });
  });

  async function put(name: string): Promise<void> {
    await writeFile(join(folder, 'in', name), 'id\n1\n');
    await utimes(join(folder, 'in', name), 1_000, 1_000);
  }

  async function claim(owner = 'a'): Promise<FeedLease> {
    const held = await feeds.claim(owner, []);
    return new FeedLease({ feeds, clock, owner }, held!);
  }

  const found = async (): Promise<string[]> =>
    (await files.list('in', { limit: 10 })).items.map(({ uri }) => uri.split('/').at(-1) ?? '').toSorted();

  it('is repeated after a minute, and no file is asked for, if the source could not be listed', async () => {
    const lease = await claim();
    await rm(join(folder, 'in'), { recursive: true });
    await lookForFiles(options, lease, signal);
    expect(lease.feed).toMatchObject({ error: { code: 'SOURCE_NOT_FOUND' }, lookedAt: null });
    expect(lease.feed.untilLookMs).toBeLessThanOrEqual(60_000);
    expect(isUnlisted(lease.feed)).toBe(true);
    await mkdir(join(folder, 'in'));
    await put('c.csv');
    await lookForFiles(options, lease, signal);
    expect(isUnlisted(lease.feed)).toBe(false);
    expect(await found()).toEqual(['c.csv']);
    expect(lease.feed.untilLookMs).toBeGreaterThan(60_000);
  });

  it('goes on where it stopped, but begins anew if that was more than a day ago', async () => {
    const lease = await claim();
    const stopped = { listedTo: join(folder, 'in/a.csv'), nextLookMs: 0 };
    await lease.write(stopped);
    await lookForFiles(options, lease, signal);
    expect(await found()).toEqual(['b.csv']);
    await lease.write({ ...stopped, nextLookMs: -2 * DAY_S * 1_000 });
    await lookForFiles(options, lease, signal);
    expect(await found()).toEqual(['a.csv', 'b.csv']);
  });

  it('is repeated soon if somebody has told of files meanwhile', async () => {
    const lease = await claim();
    options.complete.begin(lease.feed.revision);
    await lease.write({ listedTo: join(folder, 'in/a.csv') });
    await feeds.hurry('in');
    await lease.refresh();
    await lookForFiles(options, lease, signal);
    expect(lease.feed.untilLookMs).toBeLessThanOrEqual(2_000);
  });

  it('leaves nothing in a feed that was created anew meanwhile', async () => {
    const lease = await claim();
    await feeds.delete('in');
    await feeds.create('in', definition);
    await expect(lookForFiles(options, lease, signal)).rejects.toBeInstanceOf(FeedLeaseLost);
    await expect(lease.keep()).rejects.toBeInstanceOf(FeedLeaseLost);
    expect(await found()).toEqual([]);
  });
});
