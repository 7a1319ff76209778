import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ServiceError } from '../../../src/errors/index.js';
import { type TakeFileOptions, takeFile } from '../../../src/feeds/coordination/take-file.js';
import type { FeedDefinition } from '../../../src/feeds/domain/feed.js';
import type { StoredFile } from '../../../src/feeds/domain/feed-file.js';
import { FeedFileStore } from '../../../src/feeds/store/feed-file-store.js';
import { FeedStore } from '../../../src/feeds/store/feed-store.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { type AllowedSource, parseAllowedSource, Sources } from '../../../src/sources/index.js';
import { DEFINITION } from '../../conformance/feed-stores.js';
import { ManualClock } from '../../jobs/support/manual-clock.js';
import { insertJob, openStore, type StoreFixture } from '../../jobs/support/store-fixture.js';

/** As a process that is killed ends: nothing behind is done. */
class Killed extends Error {}

describe('a file that a feed takes', () => {
  let fixture: StoreFixture;
  let jobs: JobStore;
  let files: FeedFileStore;
  let sources: Sources;
  let feed: FeedDefinition;
  let options: TakeFileOptions;
  let path: string;

  beforeEach(async () => {
    fixture = await openStore();
    const clock = new ManualClock();
    jobs = new JobStore(fixture.db, clock);
    files = new FeedFileStore(fixture.db, clock);
    const prefix = `${pathToFileURL(fixture.folder).href}/`;
    sources = new Sources({
      allowed: [parseAllowedSource(prefix) as AllowedSource],
      connections: [],
      maxBytes: 1_000_000,
    });
    feed = { ...DEFINITION, uri: `${prefix}*.csv` };
    await new FeedStore(fixture.db, clock).create('in', feed);
    path = join(fixture.folder, 'a.csv');
    await put('id\n1\n');
    options = {
      sources,
      files,
      jobs,
      submission: {
        accept: async ({ source }, _request, idempotencyKey) => ({
          record: await insertJob(jobs, { source, idempotencyKey }),
          replayed: false,
        }),
      },
      commands: {
        resume: () => {
          throw new Error('no job is resumed here');
        },
      },
    };
    await files.add('in', await listed());
  });
  afterEach(async () => {
    await sources.close();
    await fixture.close();
  });

  /** Old enough to be taken. */
  async function put(content: string, agoMs = 60_000): Promise<void> {
    await writeFile(path, content);
    await utimes(path, new Date(), new Date(Date.now() - agoMs));
  }

  async function listed() {
    const prefix = `${pathToFileURL(fixture.folder).href}/a`;
    for await (const page of sources.list(prefix, { signal: AbortSignal.timeout(10_000) })) return page;
    return [];
  }

  const theFile = async (): Promise<StoredFile> => (await files.list('in', { limit: 1 })).items[0] as StoredFile;
  const jobIds = async (): Promise<string[]> => (await jobs.list({ limit: 10 })).items.map(({ jobId }) => jobId);

  it('has one job, though the process ends before the history knows of it', async () => {
    const dying = Object.create(files, {
      begin: { value: () => Promise.reject(new Killed()) },
    }) as FeedFileStore;
    await expect(takeFile({ ...options, files: dying }, feed, await theFile())).rejects.toThrow(Killed);
    expect(await theFile()).toMatchObject({ state: 'PENDING', jobId: null });
    const [jobId] = await jobIds();
    // The one that has it reads it, or has ended: what lies there by now is of no matter.
    await rm(path);
    expect(await takeFile(options, feed, await theFile())).toEqual({ kind: 'begun', jobId });
    expect(await jobIds()).toEqual([jobId]);
    expect(await theFile()).toMatchObject({ state: 'IN_PROGRESS', jobId });
  });

  it('has another job when it is retried, if the first one cannot be resumed', async () => {
    await takeFile(options, feed, await theFile());
    const { fileKey, jobId } = await theFile();
    await fixture.db
      .updateTable('jobs')
      .set({ state: 'FAILED', error_code: 'FILE_CORRUPT', error_message: '' })
      .execute();
    const error = { code: 'FILE_CORRUPT', message: 'x' } as const;
    await files.end([{ file: { fileKey, attempt: 1 }, error, isDisposed: false }]);
    await files.retry('in', null);
    const taken = await takeFile(options, feed, await theFile());
    expect(taken).toMatchObject({ kind: 'begun' });
    expect(await theFile()).toMatchObject({ state: 'IN_PROGRESS', attempt: 2 });
    expect((await theFile()).jobId).not.toBe(jobId);
    expect(await jobIds()).toHaveLength(2);
  });

  it.each(['SINK_NOT_CONFIGURED', 'MODEL_NOT_FOUND', 'TOPIC_LIMIT'] as const)(
    'waits for what every file of its feed would wait for: %s',
    async (code) => {
      const submission = { accept: () => Promise.reject(new ServiceError(code, 'said')) };
      const taken = await takeFile({ ...options, submission }, feed, await theFile());
      expect(taken).toEqual({ kind: 'blocked', error: { code, message: 'said' } });
      expect(await theFile()).toMatchObject({ state: 'PENDING', tries: 0 });
    },
  );

  it('has none if another version is there by now', async () => {
    await put('id\n2\n', 30_000);
    expect(await takeFile(options, feed, await theFile())).toMatchObject({
      kind: 'failed',
      error: { code: 'SOURCE_CHANGED' },
    });
    expect(await jobIds()).toEqual([]);
    expect(await theFile()).toMatchObject({ state: 'FAILED', error: { code: 'SOURCE_CHANGED' } });
  });
});
