import { pino } from 'pino';
import { FolderWatches } from '../../../src/feeds/coordination/folder-watches.js';
import { parseSourcePrefix } from '../../../src/sources/source-uri.js';
import { ManualClock } from '../../jobs/support/manual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the watches of feeds', () => {
  let clock: ManualClock;
  let feeds: { id: string; uri: string }[];
  let folders: Map<string, { onFile: (name: string) => void; isAlive: boolean }>;
  let hurried: string[];
  let watches: FolderWatches;

  beforeEach(async () => {
    clock = new ManualClock();
    feeds = [{ id: 'orders', uri: 'file:///in/orders/*.csv' }];
    folders = new Map();
    hurried = [];
    watches = new FolderWatches({
      feeds: {
        local: async () => feeds,
        hurry: async (id) => {
          hurried.push(id);
          return true;
        },
      },
      sources: {
        requirePrefix: (text) => parseSourcePrefix(text),
        async watch(prefix, onFile) {
          if (prefix.includes('gone')) throw new Error('ENOENT');
          const folder = { onFile, isAlive: true };
          folders.set(prefix, folder);
          return { isAlive: async () => folder.isAlive, close: () => folders.delete(prefix) };
        },
      },
      wake: () => undefined,
      clock,
      log: pino({ level: 'silent' }),
    });
    watches.start();
    await pass(0);
    await pass(1_000);
    hurried.length = 0;
  });
  afterEach(() => watches.stop());

  async function pass(ms: number): Promise<void> {
    clock.advance(ms);
    for (let i = 0; i < 10; i++) await turn();
  }

  it('have a feed look once for files that come together', async () => {
    const { onFile } = folders.get('file:///in/orders/')!;
    for (const name of ['a.csv', 'b.csv', 'c.csv']) onFile(name);
    await pass(600);
    expect(hurried).toEqual(['orders']);
  });

  it('have it look for a marker, and not for what no feed takes', async () => {
    const { onFile } = folders.get('file:///in/orders/')!;
    for (const name of ['.hidden', 'a.csv.part', 'a.tmp']) onFile(name);
    await pass(600);
    expect(hurried).toEqual([]);
    onFile('a.csv.done');
    await pass(600);
    expect(hurried).toEqual(['orders']);
  });

  it('follow feeds that come and go, and folders that are replaced', async () => {
    feeds = [
      { id: 'new', uri: 'file:///in/new/' },
      { id: 'lost', uri: 'file:///in/gone/' },
    ];
    await pass(5_000);
    expect([...folders.keys()]).toEqual(['file:///in/new/']);
    const before = folders.get('file:///in/new/')!;
    before.isAlive = false;
    await pass(5_000);
    expect(folders.get('file:///in/new/')).not.toBe(before);
  });
});
