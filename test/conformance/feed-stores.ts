import { sql } from 'kysely';
import type { FeedDefinition } from '../../src/feeds/domain/feed.js';
import { FeedFileStore } from '../../src/feeds/store/feed-file-store.js';
import { FEED_LEASE_MS, FeedStore } from '../../src/feeds/store/feed-store.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import type { ListedFile } from '../../src/sources/index.js';
import { ManualClock } from '../jobs/support/manual-clock.js';
import { insertJob, type StoreFixture } from '../jobs/support/store-fixture.js';

export const DEFINITION: FeedDefinition = {
  uri: 'file:///in/',
  modelId: 'orders',
  options: {},
  metadata: {},
  every: 60,
  again: 'changed',
  after: 'keep',
  afterPartial: 'keep',
  moveTo: null,
  complete: null,
  maxFailures: 10,
  owner: null,
};

function file(name: string, version = '1'): ListedFile {
  return { uri: `file:///in/${name}`, version, sizeBytes: 10, modifiedAt: new Date(0) };
}

const names = (files: readonly { uri: string }[]): string[] => files.map(({ uri }) => uri.slice('file:///in/'.length));

/** What the stores of feeds and of their files do, whatever database they are in. */
export function describesFeedStores(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the stores of feeds in ${name}`, () => {
    let fixture: StoreFixture;
    let clock: ManualClock;
    let feeds: FeedStore;
    let files: FeedFileStore;

    beforeEach(async () => {
      fixture = await open();
      clock = new ManualClock();
      feeds = new FeedStore(fixture.db, clock);
      files = new FeedFileStore(fixture.db, clock);
      await feeds.create('in', DEFINITION);
    });
    afterEach(() => fixture.close());

    /** The lease of a feed has ended, by the store's clock. */
    const lapse = () => fixture.db.updateTable('feeds').set({ lease_until: 1 }).execute();

    it('have one feed of an id', async () => {
      await expect(feeds.create('in', DEFINITION)).rejects.toMatchObject({ code: 'FEED_ALREADY_EXISTS' });
      expect((await feeds.list({ limit: 10 })).items).toMatchObject([
        { id: 'in', state: 'ACTIVE', definition: DEFINITION },
      ]);
    });

    it('give a feed that is due to one of many processes, and to another one when that is silent', async () => {
      const claimed = await Promise.all(Array.from({ length: 8 }, (_, at) => feeds.claim(`${at}`, [])));
      expect(claimed.filter((feed) => feed !== undefined)).toMatchObject([{ id: 'in' }]);
      const owner = `${claimed.findIndex((feed) => feed !== undefined)}`;
      expect(await feeds.renew('in', owner, { failures: 3 })).toMatchObject({ failures: 3 });
      expect(await feeds.look('in', 'other')).toBeUndefined();
      await lapse();
      expect(await feeds.claim('other', [])).toMatchObject({ id: 'in', failures: 3 });
      expect(await feeds.renew('in', owner, { failures: 0 })).toBeUndefined();
      expect(await feeds.look('in', owner)).toBeUndefined();
      await feeds.release('in', owner, 1, null);
      expect(await feeds.look('in', 'other')).toMatchObject({ failures: 3 });
      expect(FEED_LEASE_MS).toBeGreaterThan(0);
    });

    it('wake a feed for what its users ask during the work on it', async () => {
      const feed = await feeds.claim('a', []);
      await feeds.wake('in');
      await feeds.release('in', 'a', feed?.revision ?? 0, null);
      expect(await feeds.claim('a', [])).toMatchObject({ id: 'in' });
      await feeds.release('in', 'a', (feed?.revision ?? 0) + 1, null);
      expect(await feeds.claim('a', [])).toBeUndefined();
    });

    it('hurry a listing, but not again and again', async () => {
      await feeds.claim('a', []);
      expect((await feeds.renew('in', 'a', { looked: true, nextLookMs: 60_000 }))?.untilLookMs).toBeGreaterThan(50_000);
      await feeds.hurry('in');
      const { untilLookMs = 0 } = (await feeds.look('in', 'a')) ?? {};
      expect(untilLookMs).toBeGreaterThan(0);
      expect(untilLookMs).toBeLessThanOrEqual(2_000);
    });

    it('know every version of a file once', async () => {
      await files.add('in', [file('a'), file('b')]);
      await files.add('in', [file('b'), file('c'), file('a', '2')]);
      expect(names((await files.list('in', { limit: 10 })).items).toSorted()).toEqual(['a', 'a', 'b', 'c']);
      const page = [file('a'), file('a', '3'), file('b', '2'), file('d')];
      expect(names(await files.unseen('in', 'changed', page))).toEqual(['a', 'b', 'd']);
      expect(names(await files.unseen('in', 'never', page))).toEqual(['d']);
      expect(names(await files.unseen('other', 'never', page))).toEqual(['a', 'b', 'd']);
    });

    it('take a file that was replaced before it was read as one that was not taken yet', async () => {
      await files.add('in', [file('a')]);
      const [found] = await files.due('in', 1);
      const error = { code: 'SOURCE_CHANGED', message: '' } as const;
      await files.end([{ file: found!, error, isDisposed: false }]);
      expect(names(await files.unseen('in', 'never', [file('a', '2')]))).toEqual(['a']);
    });

    it('take a file that was away before it was read when it is back, but not for ever', async () => {
      for (const code of ['SOURCE_NOT_FOUND', 'SOURCE_CHANGED', 'READ_ERROR'] as const) {
        const name = code.toLowerCase();
        await files.add('in', [file(name)]);
        const fail = async (): Promise<void> => {
          const [found] = await files.due('in', 1);
          await files.end([{ file: found!, error: { code, message: '' }, isDisposed: false }]);
        };
        await fail();
        const back = code === 'READ_ERROR' ? [] : [name];
        expect(names(await files.unseen('in', 'never', [file(name, '2')]))).toEqual(back);
        let returns = 0;
        for (; returns < 100; returns++) {
          const unseen = await files.unseen('in', returns % 2 === 0 ? 'changed' : 'never', [file(name)]);
          if (unseen.length === 0) break;
          await files.add('in', unseen);
          await fail();
        }
        expect(returns).toBe(back.length * 10);
      }
      // One that has had a job may have been read in part.
      await files.add('in', [file('read')]);
      const [read] = await files.due('in', 1);
      await files.begin(read!, 'job1');
      await files.end([{ file: read!, error: { code: 'SOURCE_CHANGED', message: '' }, isDisposed: false }]);
      expect(await files.unseen('in', 'changed', [file('read')])).toEqual([]);
    });

    it('know a blob whose metadata alone were changed, but not one that has its earlier content again', async () => {
      const blob = (etag: string, md5?: string): ListedFile => ({
        ...file('x', JSON.stringify({ etag, md5 })),
        uri: 'az://account/container/x',
      });
      const take = async (each: ListedFile): Promise<number> => {
        const unseen = await files.unseen('in', 'changed', [each]);
        await files.add('in', unseen);
        return unseen.length;
      };
      expect([await take(blob('1', 'a')), await take(blob('2', 'a')), await take(blob('3', 'a'))]).toEqual([1, 0, 0]);
      expect([await take(blob('4', 'b')), await take(blob('5', 'a')), await take(blob('6', 'a'))]).toEqual([1, 1, 0]);
      expect([await take({ ...blob('7', 'a'), sizeBytes: 11 }), await take(blob('8')), await take(blob('9'))]).toEqual([
        1, 1, 1,
      ]);
    });

    it('add nothing that was listed for a feed which was deleted and created anew, or is worked on by another', async () => {
      await feeds.claim('a', []);
      await files.add('in', [file('first')], 'a');
      await feeds.delete('in');
      await feeds.create('in', { ...DEFINITION, uri: 'file:///elsewhere/' });
      await files.add('in', [file('second')], 'a');
      expect(await feeds.renew('in', 'a', { listedTo: '/in/second' })).toBeUndefined();
      expect(await feeds.claim('b', [])).toMatchObject({ id: 'in', listedTo: null });
      await files.add('in', [file('third')], 'a');
      expect(await files.list('in', { limit: 10 })).toMatchObject({ items: [] });
      await files.add('in', [file('fourth')], 'b');
      expect(names((await files.list('in', { limit: 10 })).items)).toEqual(['fourth']);
    });

    it('list again soon what was asked for while a listing was under way', async () => {
      const { revision = 0 } = (await feeds.claim('a', [])) ?? {};
      const looked = { looked: true, nextLookMs: 60_000, since: revision } as const;
      expect((await feeds.renew('in', 'a', looked))?.untilLookMs).toBeGreaterThan(50_000);
      await feeds.hurry('in');
      expect((await feeds.renew('in', 'a', looked))?.untilLookMs).toBeLessThanOrEqual(2_000);
      expect((await feeds.renew('in', 'a', { ...looked, since: null }))?.untilLookMs).toBeLessThanOrEqual(2_000);
    });

    it('work on every feed when the only process has begun anew, whatever the clock said before', async () => {
      const feed = await feeds.claim('a', []);
      await feeds.renew('in', 'a', { nextLookMs: 86_400_000 });
      await feeds.release('in', 'a', feed?.revision ?? 0, 86_400_000);
      expect(await feeds.claim('b', [])).toBeUndefined();
      await feeds.releaseAll();
      expect((await feeds.claim('b', []))?.untilLookMs).toBeLessThanOrEqual(0);
    });

    it('give files in the order in which they were found, and those again later that could not be taken', async () => {
      await files.add('in', [file('c'), file('a'), file('b')]);
      const due = await files.due('in', 2);
      expect(names(due)).toEqual(['c', 'a']);
      await files.postpone(due[0]!, { code: 'SOURCE_UNAVAILABLE', message: 'away' }, 30_000);
      expect(names(await files.due('in', 10))).toEqual(['a', 'b']);
      await files.begin(due[1]!, 'job1');
      expect(names(await files.due('in', 10))).toEqual(['b']);
      expect(await files.inProgress('in')).toBe(1);
      expect(await files.counts('in')).toEqual({ PENDING: 2, IN_PROGRESS: 1, COMPLETED: 0, FAILED: 0 });
      expect((await files.nextDueMs('in')) ?? 1).toBeLessThanOrEqual(0);
    });

    it('see which jobs have ended, and which are gone', async () => {
      const jobs = new JobStore(fixture.db, clock);
      const made = [await insertJob(jobs), await insertJob(jobs), await insertJob(jobs)];
      await files.add('in', [file('a'), file('b'), file('c'), file('d')]);
      const due = await files.due('in', 10);
      for (const [at, each] of due.entries()) await files.begin(each, made[at]?.jobId ?? 'none');
      await fixture.db
        .updateTable('jobs')
        .set({ state: 'SUCCESS', finished_at: '2026-01-01' })
        .where('job_id', '=', made[1]!.jobId)
        .execute();
      await fixture.db
        .updateTable('jobs')
        .set({ state: 'FAILED', error_code: 'READ_ERROR', error_message: 'm' })
        .where('job_id', '=', made[2]!.jobId)
        .execute();
      const ended = await files.ended('in', 10);
      expect(Object.fromEntries(ended.map(({ file: each, job }) => [names([each])[0], job]))).toEqual({
        b: { state: 'SUCCESS', error: null },
        c: { state: 'FAILED', error: { code: 'READ_ERROR', message: 'm' } },
        d: null,
      });
      await files.end(
        ended.map(({ file: each, job }) => ({
          file: each,
          error: job?.error ?? null,
          isDisposed: job?.state === 'SUCCESS',
        })),
      );
      expect(await files.counts('in')).toMatchObject({ IN_PROGRESS: 1, COMPLETED: 2, FAILED: 1 });
      expect(await files.ended('in', 10)).toEqual([]);
      const [after] = await files.afterDue('in', 10);
      expect(after).toMatchObject({ file: { after: 'PENDING' }, job: { state: 'SUCCESS', source: null, sinks: [] } });
      await files.disposeLater(after!.file, 'not yet', 60_000);
      expect(await files.afterDue('in', 10)).toEqual([]);
      await files.disposed(after!.file, 'DELETED', null);
      expect(await files.nextAfterMs('in')).toBeNull();
    });

    it('have what failed taken again, under the next attempt, and end no other attempt', async () => {
      await files.add('in', [file('a'), file('b')]);
      const [a, b] = await files.due('in', 10);
      const error = { code: 'READ_ERROR', message: '' } as const;
      await files.begin(a!, 'job1');
      await files.end([a!, b!].map((each) => ({ file: each, error, isDisposed: false })));
      expect(await files.retry('in', [a!.fileKey])).toBe(1);
      expect(await files.retry('in', null)).toBe(1);
      const again = (await files.due('in', 10)).find(({ fileKey }) => fileKey === a?.fileKey);
      expect(again).toMatchObject({ attempt: 1, jobId: 'job1' });
      expect(await files.beginAttempt(again!)).toMatchObject({ attempt: 2, jobId: null });
      await files.end([{ file: a!, error, isDisposed: false }]);
      expect(await files.counts('in')).toMatchObject({ PENDING: 2, FAILED: 0 });
    });

    it('keep the history of a deleted feed for the next one of its id, except what was not taken', async () => {
      await files.add('in', [file('a'), file('b')]);
      const [a] = await files.due('in', 1);
      await files.begin(a!, 'job1');
      expect([await feeds.delete('in'), await feeds.delete('in'), await feeds.get('in')]).toEqual([
        true,
        false,
        undefined,
      ]);
      await feeds.create('in', DEFINITION);
      expect(names(await files.unseen('in', 'changed', [file('a'), file('b')]))).toEqual(['b']);
    });

    it('forget what is not listed any more, long after, and what a deleted feed has found', async () => {
      const day = 86_400_000;
      await files.add('in', [file('gone'), file('listed'), file('under way')]);
      const due = await files.due('in', 10);
      await files.end(due.slice(0, 2).map((each) => ({ file: each, error: null, isDisposed: false })));
      await files.begin(due[2]!, 'job1');
      await fixture.db
        .updateTable('feed_files')
        .set((eb) => ({ seen_at: eb('seen_at', '-', 13 * day) }))
        .execute();
      await feeds.claim('a', []);
      await feeds.renew('in', 'a', { looked: true });
      expect(await files.forgetOld('in', 20 * day, false, 10)).toBe(0);
      expect(await files.unseen('in', 'changed', [file('listed')])).toEqual([]);
      expect(await files.forgetOld('in', 10 * day, false, 10)).toBe(1);
      expect(names((await files.list('in', { limit: 10 })).items)).toEqual(['under way', 'listed']);
      await feeds.delete('in');
      await files.end([{ file: due[2]!, error: null, isDisposed: true }]);
      await fixture.db
        .updateTable('feed_files')
        .set((eb) => ({ seen_at: eb('seen_at', '-', 13 * day) }))
        .execute();
      expect(await files.forgetOld('in', 10 * day, true, 10)).toBe(2);
      await feeds.forget('in', 'a');
      expect(await fixture.db.selectFrom('feeds').select('id').execute()).toEqual([]);
    });

    it('find unseen files among 100,000 that are known', async () => {
      const page = (from: number): ListedFile[] => Array.from({ length: 1_000 }, (_, at) => file(`known-${from + at}`));
      for (let from = 0; from < 100_000; from += 1_000) await files.add('in', page(from));
      // A server does so by itself, within a minute.
      await sql`ANALYZE feed_files`.execute(fixture.db);
      const times: Record<string, number> = {};
      for (const again of ['changed', 'never'] as const) {
        const looked = [...page(41_000).slice(1), file('new')];
        const took: number[] = [];
        for (let round = 0; round < 11; round++) {
          const start = performance.now();
          expect(names(await files.unseen('in', again, looked))).toEqual(['new']);
          took.push(performance.now() - start);
        }
        times[again] = took.toSorted((a, b) => a - b)[5] ?? 0;
      }
      const start = performance.now();
      expect((await files.list('in', { state: 'FAILED', limit: 100 })).items).toEqual([]);
      times['none in a state'] = performance.now() - start;
      const shown = Object.entries(times).map(([again, ms]) => `${again} ${ms.toFixed(1)} ms`);
      process.stderr.write(`${name}: look-up of 1,000 files among 100,000, median of 11: ${shown.join(', ')}\n`);
    });
  });
}
