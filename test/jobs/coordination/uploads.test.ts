import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import { JobFiles } from '../../../src/jobs/coordination/job-files.js';
import { JobUploads } from '../../../src/jobs/coordination/uploads.js';
import type { StoredJob } from '../../../src/jobs/domain/stored-job.js';
import { FileRows } from '../../../src/jobs/store/file-rows.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { UploadStore } from '../../../src/jobs/store/upload-store.js';
import { type IncomingFile, LocalFileStore } from '../../../src/storage/index.js';
import { ManualClock } from '../support/manual-clock.js';
import { aJob, openStore, type StoreFixture } from '../support/store-fixture.js';

const IDLE_MS = 40_000;
const SWEEP_EVERY_MS = 5_000;
/** The time between two sweeps is not counted. */
const STALE_MS = 2 * IDLE_MS + SWEEP_EVERY_MS;
const log = pino({ level: 'silent' });

let fixture: StoreFixture;
let clock: ManualClock;
let store: JobStore;
let folder: string;
let we: Process;
let they: Process;

/** What a process has, on the database and the folder of all. */
interface Process {
  owner: string;
  files: LocalFileStore;
  uploads: JobUploads;
  jobFiles: JobFiles;
}

async function start(owner: string): Promise<Process> {
  const files = new LocalFileStore(folder, 0, 'installation');
  await files.open();
  const rows = new UploadStore(fixture.db, owner, clock);
  const uploads = new JobUploads({ files, rows, clock, log });
  const jobFiles = new JobFiles({
    files,
    rows: new FileRows(fixture.db),
    uploads: rows,
    uploadIdleMs: IDLE_MS,
    clock,
    log,
  });
  return { owner, files, uploads, jobFiles };
}

/** The files that there are, whole or not. */
async function found(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== 'installation');
}

async function rowCount(): Promise<number> {
  return (await fixture.db.selectFrom('uploads').select('file_key').execute()).length;
}

async function receive({ uploads }: Process): Promise<IncomingFile> {
  const file = await uploads.create();
  await pipeline(Readable.from([Buffer.from('id\n')]), file.body);
  return file;
}

/** The job that the upload becomes. */
async function jobOf(file: IncomingFile, owner: string): Promise<StoredJob> {
  const job = aJob({ fileKey: file.key! });
  expect(await store.create(job, owner, { upload: true })).toEqual({ kind: 'created' });
  await file.commit(job.fileKey);
  return (await store.activate(job.jobId, owner))!;
}

/** Time goes on, while a process sweeps as often as it should. */
async function sweepFor(ms: number, { jobFiles }: Process): Promise<void> {
  await jobFiles.sweep();
  for (let left = ms; left > 0; left -= SWEEP_EVERY_MS) {
    clock.advance(Math.min(left, SWEEP_EVERY_MS));
    await jobFiles.sweep();
  }
}

const write = (file: IncomingFile, text: string): Promise<unknown> =>
  new Promise((resolve) => file.body.write(text, resolve));

beforeEach(async () => {
  fixture = await openStore();
  clock = new ManualClock();
  store = new JobStore(fixture.db, clock);
  folder = join(fixture.folder, 'shared');
  we = await start('we');
  they = await start('they');
});
afterEach(async () => {
  await we.files.close();
  await they.files.close();
  await fixture.close();
});

describe('an upload', () => {
  it('of ten minutes survives the starts and sweeps of others, as long as its process says that it lives', async () => {
    const file = await we.uploads.create();
    for (let at = 0; at < 600; at += 5) {
      await write(file, `${at}\n`);
      clock.advance(5_000);
      await we.uploads.touch();
      await (at % 60 === 0 ? await start(`another ${at}`) : they).jobFiles.sweep();
    }
    await pipeline(Readable.from([Buffer.from('end\n')]), file.body);
    const job = await jobOf(file, 'we');
    expect([await they.files.has(job.fileKey), await rowCount()]).toEqual([true, 0]);
  });

  it('that came whole from a process that stood still becomes no job, and goes', async () => {
    const file = await receive(we);
    await sweepFor(STALE_MS + SWEEP_EVERY_MS, they);
    expect(await found()).toEqual([`${file.key}.part`]);
    const refused = await store.create(aJob({ fileKey: file.key! }), 'we', { upload: true });
    expect(refused).toEqual({ kind: 'upload_lost' });
    await file.remove();
    expect([await found(), await rowCount()]).toEqual([[], 0]);
  });

  it('that is under way when it is given up fails with the code of a timeout', async () => {
    const file = await we.uploads.create();
    const failure = new Promise((resolve) => file.body.once('error', resolve));
    await write(file, 'id\n');
    await sweepFor(STALE_MS + SWEEP_EVERY_MS, they);
    await we.uploads.touch();
    expect(await failure).toMatchObject({ code: 'UPLOAD_TIMEOUT' });
    await file.remove();
    expect([await found(), await rowCount()]).toEqual([[], 0]);
  });

  it('of a process that was killed goes, whole or not, once it could have noticed that it was given up', async () => {
    const half = await they.uploads.create();
    await write(half, 'id\n');
    half.body.on('error', () => undefined);
    await receive(they);
    await sweepFor(2 * IDLE_MS + STALE_MS - SWEEP_EVERY_MS, we);
    expect([(await found()).length, await rowCount()]).toEqual([2, 2]);
    await sweepFor(3 * SWEEP_EVERY_MS, we);
    expect([await found(), await rowCount()]).toEqual([[], 0]);
    half.body.destroy();
  });

  it('of an earlier start goes at once where a process is alone', async () => {
    await receive(they);
    const file = await receive(we);
    await we.jobFiles.recover();
    await we.jobFiles.sweep();
    expect([await found(), await rowCount()]).toEqual([[`${file.key}.part`], 1]);
  });

  it('leaves no row when it is refused, or when the file that it is to share is gone', async () => {
    await (await receive(we)).remove();
    await expect(we.uploads.share('unknown0', 3)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
    expect([await found(), await rowCount()]).toEqual([[], 0]);
  });

  it('keeps its row while its file cannot be removed', async () => {
    await receive(we);
    const { remove } = we.files;
    we.files.remove = async () => {
      throw new Error('the storage is away');
    };
    await sweepFor(2 * STALE_MS + SWEEP_EVERY_MS, we);
    expect(await rowCount()).toBe(1);
    we.files.remove = remove;
    await sweepFor(2 * STALE_MS, we);
    expect([await found(), await rowCount()]).toEqual([[], 0]);
  });

  it('is not given up because the store was away, so that its process could not say that it lives', async () => {
    const file = await we.uploads.create();
    await write(file, 'id\n');
    await they.jobFiles.sweep();
    clock.advance(600_000);
    await they.jobFiles.sweep();
    await we.uploads.touch();
    await sweepFor(2 * IDLE_MS - SWEEP_EVERY_MS, they);
    await we.uploads.touch();
    await pipeline(Readable.from([Buffer.from('end\n')]), file.body);
    expect(await jobOf(file, 'we')).toMatchObject({ state: 'PENDING' });
  });

  it('shares the file of a job under another key', async () => {
    const kept = await receive(they);
    const job = await jobOf(kept, 'they');
    const shared = await we.uploads.share(job.fileKey, 3);
    expect([shared.key === job.fileKey, await rowCount()]).toEqual([false, 1]);
    await shared.remove();
    expect([await found(), await rowCount()]).toEqual([[job.fileKey], 0]);
  });
});

describe('the file of an ended job', () => {
  async function ended(): Promise<string> {
    const file = await receive(we);
    const { jobId, fileKey } = await jobOf(file, 'we');
    const finishedAt = new Date(clock.now()).toISOString();
    await store.updateInternal(jobId, { states: ['PENDING'] }, { finishedAt, spooled: false });
    return fileKey;
  }

  it('goes by its row if its process was killed before it had removed it', async () => {
    const key = await ended();
    await they.jobFiles.sweep();
    expect(await found()).toEqual([key]);
    clock.advance(60_001);
    await they.jobFiles.sweep();
    expect(await found()).toEqual([]);
    expect(await new FileRows(fixture.db).left(clock.now(), 10)).toEqual([]);
  });

  it('is not looked for any more once it is known to be removed', async () => {
    await we.jobFiles.remove(await ended());
    we.jobFiles.start();
    clock.advance(5_000);
    await we.jobFiles.stop();
    expect(await new FileRows(fixture.db).left(clock.now() + 1, 10)).toEqual([]);
  });
});
