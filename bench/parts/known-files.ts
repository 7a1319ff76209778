import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Databases from '../../src/database/index.js';
import type { Database } from '../../src/database/index.js';
import type * as FeedFiles from '../../src/feeds/store/feed-file-store.js';
import type * as Clocks from '../../src/jobs/domain/clock.js';
import type * as SourcesOf from '../../src/sources/index.js';
import type { ListedFile, Sources } from '../../src/sources/index.js';
import { startPostgres } from '../../test/kit/postgres.js';
import { hasS3, type S3Server, startS3 } from '../../test/kit/s3.js';
import type { Bench } from '../bench.js';
import { built } from '../built.js';
import { atMost, type Row } from '../report.js';
import { median, quantile } from '../statistics.js';

/** Feeds, each with as many files in the history: the one that is asked about, and another one. */
const FEEDS = ['known', 'other'] as const;
const AIM_MS = 20;
const OBJECTS_AT_ONCE = 32;

/** A listing of files that a feed has found before: reading the pages, and asking the history of each page. */
export async function measureKnownFiles(bench: Bench): Promise<void> {
  const { folder, report, scale, rounds } = bench;
  const root = join(folder, 'known');
  const rows: Row[] = [];
  const postgres = await startPostgres();
  const server = hasS3 ? await startS3() : undefined;
  const { Sources: SourcesClass } = await built<typeof SourcesOf>('sources/index.js');
  const sources = new SourcesClass(await settingsOf(root, server));
  try {
    writeKnown(root, scale.knownFiles);
    const local = await listed(sources, `${pathToFileURL(root).href}/`, rounds);
    rows.push(pagesRow('a folder', local, rounds));
    const { openDatabase, openPostgres } = await built<typeof Databases>('database/index.js');
    const measure = async (name: string, db: Database): Promise<void> => {
      for (const again of ['changed', 'never'] as const) {
        const times = await askedOf(db, again, local.pages, rounds);
        const figure = `p50 ${median(times).toFixed(1)} ms, p95 ${quantile(times, 0.95).toFixed(1)} ms, whole ${whole(times, rounds)} s`;
        const what = `${name}: the history of a page, again=${again}`;
        rows.push({ what, figure, aim: atMost(median(times), AIM_MS, 'ms') });
      }
      await db.destroy();
    };
    await measure('SQLite', await openDatabase(mkdtempSync(join(folder, 'history-'))));
    const url = await postgres.createDatabase();
    await measure('PostgreSQL', await openPostgres({ url, onIdleError: () => undefined }));
    rmSync(root, { recursive: true });
    if (server !== undefined) {
      await putKnown(server, scale.knownFiles);
      rows.push(pagesRow('S3 (versitygw)', await listed(sources, `s3://${server.bucket}/known/`, 1), 1));
    }
  } finally {
    await sources.close();
    await Promise.all([postgres.stop(), server?.stop()]);
  }
  report.table(`A listing of ${scale.knownFiles} files that are known, in pages of 1,000, ${rounds} times`, rows);
}

async function settingsOf(root: string, server?: S3Server): Promise<SourcesOf.SourceSettings> {
  const { parseAllowedSource, parseConnections } = await built<typeof SourcesOf>('sources/index.js');
  const prefixes = [`file:${root}`, ...(server === undefined ? [] : [`s3://${server.bucket}`])];
  const allowed = prefixes.flatMap((prefix) => parseAllowedSource(prefix) ?? []);
  const maxBytes = Number.MAX_SAFE_INTEGER;
  if (server === undefined) return { allowed, connections: [], maxBytes };
  const { bucket, endpoint, env } = server;
  const options = {
    endpoint,
    access_key_id: env['AWS_ACCESS_KEY_ID'],
    secret_access_key: env['AWS_SECRET_ACCESS_KEY'],
  };
  const connections = parseConnections(JSON.stringify({ [`s3://${bucket}`]: options }), {}, []);
  return { allowed, connections, maxBytes };
}

interface Listed {
  readonly pages: (readonly ListedFile[])[];
  /** Time in ms of each page, of all rounds. */
  readonly times: number[];
}

async function listed(sources: Sources, prefix: string, rounds: number): Promise<Listed> {
  const times: number[] = [];
  let pages: (readonly ListedFile[])[] = [];
  const { signal } = new AbortController();
  for (let round = 0; round < rounds; round++) {
    pages = [];
    let since = performance.now();
    for await (const page of sources.list(prefix, { signal })) {
      times.push(performance.now() - since);
      pages.push(page);
      since = performance.now();
    }
  }
  return { pages, times };
}

/** Time in ms of each page, of all rounds, in a history of these files and those of other feeds. */
async function askedOf(
  db: Database,
  again: 'changed' | 'never',
  pages: readonly (readonly ListedFile[])[],
  rounds: number,
): Promise<number[]> {
  const { FeedFileStore } = await built<typeof FeedFiles>('feeds/store/feed-file-store.js');
  const { systemClock } = await built<typeof Clocks>('jobs/domain/clock.js');
  const store = new FeedFileStore(db, systemClock);
  for (const feed of FEEDS) for (const page of pages) await store.add(feed, page);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const page of pages) {
      const since = performance.now();
      const fresh = await store.unseen(FEEDS[0], again, page);
      times.push(performance.now() - since);
      if (fresh.length > 0) throw new Error('a known file was taken for a new one');
    }
  }
  return times;
}

function pagesRow(name: string, { times }: Listed, rounds: number): Row {
  const figure = `p50 ${median(times).toFixed(1)} ms, p95 ${quantile(times, 0.95).toFixed(1)} ms, whole ${whole(times, rounds)} s`;
  return { what: `${name}: the listing of a page`, figure };
}

/** In s. */
function whole(times: readonly number[], rounds: number): string {
  return (times.reduce((sum, ms) => sum + ms, 0) / rounds / 1000).toFixed(2);
}

function writeKnown(root: string, count: number): void {
  mkdirSync(root, { recursive: true });
  for (let number = 0; number < count; number++) writeFileSync(join(root, nameOf(number)), `id\n${number}\n`);
}

async function putKnown(server: S3Server, count: number): Promise<void> {
  const { PutObjectCommand } = await import('@aws-sdk/client-s3');
  const client = server.client();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) {
      await client.send(
        new PutObjectCommand({ Bucket: server.bucket, Key: `known/${nameOf(number)}`, Body: `id\n${number}\n` }),
      );
    }
  };
  await Promise.all(Array.from({ length: OBJECTS_AT_ONCE }, lane));
  client.destroy();
}

function nameOf(number: number): string {
  return `orders-${String(number).padStart(7, '0')}.csv`;
}
