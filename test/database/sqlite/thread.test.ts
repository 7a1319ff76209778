import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteThread } from '../../../src/database/sqlite/thread.js';

const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const INSERT = 'INSERT INTO t (id, text) VALUES (?, ?)';

describe('a database on a thread', () => {
  let folder: string;
  let path: string;
  let thread: SqliteThread;
  let crashes: Error[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'batch-sqlite-'));
    path = join(folder, 'batch.db');
    crashes = [];
    thread = new SqliteThread(folder, { onCrash: (error) => crashes.push(error) });
    await thread.open();
    await thread.run('CREATE TABLE t (id integer PRIMARY KEY, text text)', []);
  });
  afterEach(async () => {
    await thread.close().catch(() => undefined); // some tests end it
    rmSync(folder, { recursive: true, force: true });
  });

  async function ids(): Promise<unknown[]> {
    return (await thread.run('SELECT id FROM t ORDER BY id', [])).rows.map(({ id }) => id);
  }

  /** How often the page of the table was written to the write-ahead log: once by each commit. */
  async function commitsOf(work: () => Promise<unknown>): Promise<number> {
    const pages = async () => Number(Object.values((await thread.run('PRAGMA wal_checkpoint', [])).rows[0]!)[1]);
    await thread.run('PRAGMA wal_checkpoint(TRUNCATE)', []);
    await work();
    return pages();
  }

  it('commits writes together that come together', async () => {
    const rows = Array.from({ length: 50 }, (_, id) => id);
    const oneByOne = await commitsOf(async () => {
      for (const id of rows) await thread.run(INSERT, [id, 'one by one']);
    });
    const together = await commitsOf(() => Promise.all(rows.map((id) => thread.run(INSERT, [id + 50, 'together']))));
    expect(oneByOne).toBe(50);
    expect(together).toBeLessThan(10);
    expect(await ids()).toHaveLength(100);
  });

  it('fails a statement alone, whatever it was committed with', async () => {
    const results = await Promise.allSettled([
      thread.run(INSERT, [1, 'a']),
      thread.run(INSERT, [2, 'b']),
      thread.run(INSERT, [1, 'again']),
      thread.run('INSERT INTO nowhere VALUES (1)', []),
      thread.run(`${INSERT} RETURNING id`, [3, 'c']),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(results[2]).toMatchObject({ reason: { errcode: SQLITE_CONSTRAINT_PRIMARYKEY, code: 'ERR_SQLITE_ERROR' } });
    expect(results[3]).toMatchObject({ reason: { message: 'no such table: nowhere', errcode: 1 } });
    expect(results[4]).toMatchObject({ value: { rows: [{ id: 3 }] } });
    expect(await ids()).toEqual([1, 2, 3]);
  });

  it('gives the number of rows that were changed', async () => {
    await thread.run("INSERT INTO t VALUES (1, 'a'), (2, 'b')", []);
    expect(await thread.run("UPDATE t SET text = 'c'", [])).toEqual({ rows: [], changes: 2 });
  });

  it('keeps others out of a transaction, and lets them in, in order, when it ends', async () => {
    await thread.begin();
    await thread.runInTransaction(INSERT, [1, 'a']);
    const [seen, second, written] = [ids(), thread.begin(), thread.run(INSERT, [3, 'c'])];
    await thread.runInTransaction(INSERT, [2, 'b']);
    await thread.end('rollback');
    expect(await seen).toEqual([]);
    await second;
    await thread.runInTransaction(INSERT, [4, 'd']);
    await thread.end('commit');
    await written;
    expect(await ids()).toEqual([3, 4]);
  });

  it('fails the rest of a transaction that SQLite has rolled back, and none after it', async () => {
    await thread.begin();
    await thread.runInTransaction(INSERT, [1, 'a']);
    await expect(thread.runInTransaction('INSERT OR ROLLBACK INTO t VALUES (1, NULL)', [])).rejects.toThrow(/UNIQUE/);
    await expect(thread.runInTransaction(INSERT, [2, 'b'])).rejects.toThrow(/rolled back/);
    await expect(thread.end('commit')).rejects.toThrow(/no transaction/);
    await thread.begin();
    await thread.end('commit');
    await thread.run(INSERT, [3, 'c']);
    expect(await ids()).toEqual([3]);
  });

  it('gives results that are larger than its memory', async () => {
    const { rows } = await thread.run(
      `WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 100)
       SELECT id, printf('%2000000d', id) AS text FROM n`,
      [],
    );
    const written = await Promise.all(
      rows.map(({ id }) =>
        thread.run(`INSERT INTO t (id) VALUES (?) RETURNING id, printf('%2000000d', id) AS text`, [id!]),
      ),
    );
    const lengths = rows.map((_, at) => [at + 1, 2_000_000]);
    expect(rows.map(({ id, text }) => [id, String(text).length])).toEqual(lengths);
    expect(written.map(({ rows: [row] }) => [row?.['id'], String(row?.['text']).length])).toEqual(lengths);
  });

  it('refuses callers beyond a limit', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10_001 }, (_, id) => thread.run(INSERT, [id, 'x'])));
    expect(results.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'SERVICE_BUSY' } });
    expect(await ids()).toHaveLength(10_000);
  });

  it('has written what was asked for when it is closed, and gives the file free', async () => {
    const writes = Array.from({ length: 200 }, (_, id) => thread.run(INSERT, [id, 'x']));
    await thread.close();
    await Promise.all(writes);
    const file = new DatabaseSync(path);
    expect(file.prepare('SELECT count(*) AS count FROM t').get()).toEqual({ count: 200 });
    file.close();
    await expect(thread.run(INSERT, [200, 'x'])).rejects.toThrow('The thread of the database has ended');
    expect(crashes).toEqual([]);
  });

  it('fails everything when the thread dies, and says so', async () => {
    await thread.begin();
    const results = await Promise.allSettled([
      thread.run(INSERT, [1, 'a']),
      thread.runInTransaction('SELECT 1', 1 as never), // what it cannot read
    ]);
    const ended = expect.objectContaining({ message: 'The thread of the database has ended' });
    expect(results).toEqual([
      { status: 'rejected', reason: ended },
      { status: 'rejected', reason: ended },
    ]);
    await expect(thread.end('rollback')).rejects.toEqual(ended);
    expect(crashes).toEqual([ended]);
    expect(crashes[0]!.cause).toMatchObject({ name: 'TypeError' });
  });
});
