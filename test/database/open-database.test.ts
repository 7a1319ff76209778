import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { sql } from 'kysely';
import { openDatabase } from '../../src/database/index.js';
import { SqliteThread } from '../../src/database/sqlite/index.js';

const folder = mkdtempSync(join(tmpdir(), 'batch-database-'));
const program = join(folder, 'hold-database.mjs');
const children: ChildProcess[] = [];

beforeAll(() => {
  buildSync({
    entryPoints: {
      'hold-database': join(import.meta.dirname, 'hold-database.ts'),
      worker: join(import.meta.dirname, '../../src/database/sqlite/worker.ts'),
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function newDataDir(): string {
  return mkdtempSync(join(folder, 'data-'));
}

async function startHolder(dataDir: string): Promise<{ child: ChildProcess; answer: string }> {
  const child = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout! });
  const [answer] = (await once(lines, 'line')) as [string];
  return { child, answer };
}

async function insertModel(db: Awaited<ReturnType<typeof openDatabase>>, id: string): Promise<void> {
  await db
    .insertInto('models')
    .values({ id, seq: id.length, version: 1, hidden: 0, created_at: '2026-01-01T00:00:00.000Z' })
    .execute();
}

describe('the metadata store', () => {
  it('keeps what was written when it is opened again', async () => {
    const dataDir = newDataDir();
    const first = await openDatabase(dataDir);
    await insertModel(first, 'orders');
    await first.destroy();

    const second = await openDatabase(dataDir);
    expect(await second.selectFrom('models').select('id').execute()).toEqual([{ id: 'orders' }]);
    await second.destroy();
  });

  it('writes ahead and syncs every commit', async () => {
    const db = await openDatabase(newDataDir());
    const pragma = async (name: string): Promise<unknown> =>
      Object.values((await sql.raw<Record<string, unknown>>(`PRAGMA ${name}`).execute(db)).rows[0]!)[0];
    expect(await pragma('journal_mode')).toBe('wal');
    expect(await pragma('synchronous')).toBe(2);
    expect(await pragma('locking_mode')).toBe('exclusive');
    expect(await pragma('foreign_keys')).toBe(1);
    await db.destroy();
  });

  it('undoes a transaction that throws, and others wait for it', async () => {
    const db = await openDatabase(newDataDir());
    const failing = db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('models')
        .values({ id: 'a', seq: 1, version: 1, hidden: 0, created_at: '' })
        .execute();
      throw new Error('undo');
    });
    const other = insertModel(db, 'bb');
    await expect(failing).rejects.toThrow('undo');
    await other;
    expect(await db.selectFrom('models').select('id').execute()).toEqual([{ id: 'bb' }]);
    await db.destroy();
  });

  it('gives what each statement is about, however often and in whatever order they come', async () => {
    const db = await openDatabase(newDataDir());
    await sql`CREATE TABLE numbers (n integer, square integer)`.execute(db);
    const kinds = 150; // more than are kept
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < kinds; i++) {
        await sql`INSERT INTO numbers VALUES (${round}, ${sql.lit(i)})`.execute(db);
        const { rows } = await sql`SELECT * FROM numbers WHERE n = ${round} AND square = ${sql.lit(i)}`.execute(db);
        expect(rows).toEqual([{ n: round, square: i }]);
      }
    }
    const all = sql<{ n: number }>`SELECT * FROM numbers WHERE square = 149 ORDER BY n`;
    expect((await all.execute(db)).rows.map(({ n }) => n)).toEqual([0, 1, 2]);
    await sql`ALTER TABLE numbers ADD COLUMN cube integer`.execute(db);
    expect((await all.execute(db)).rows[0]).toEqual({ n: 0, square: 149, cube: null });
    await db.destroy();
  });

  it('refuses a second process on the same folder, and says what to do', async () => {
    const dataDir = newDataDir();
    const db = await openDatabase(dataDir);
    const { answer } = await startHolder(dataDir);
    expect(answer).toBe(
      `refused: Another process uses the data folder ${dataDir}: stop it, or start this one with another DATA_DIR.`,
    );
    await insertModel(db, 'orders');
    await db.destroy();
  });

  it('refuses it however late it is asked, and calls that no crash', async () => {
    const dataDir = newDataDir();
    const db = await openDatabase(dataDir);
    const crashes: Error[] = [];
    const second = new SqliteThread(dataDir, { busyTimeoutMs: 1, onCrash: (error) => crashes.push(error) });
    // Both that the file is locked and that the thread has ended are there when this thread next looks.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    await second.ended;
    await expect(openDatabase(second)).rejects.toThrow(/Another process uses/);
    expect(crashes).toEqual([]);
    await db.destroy();
  });

  it('is free again at once after its process was killed', async () => {
    const dataDir = newDataDir();
    const { child, answer } = await startHolder(dataDir);
    expect(answer).toBe('open');
    await expect(openDatabase(new SqliteThread(dataDir, { busyTimeoutMs: 100 }))).rejects.toThrow(
      /Another process uses/,
    );

    child.kill('SIGKILL');
    await once(child, 'exit');
    const db = await openDatabase(dataDir);
    await insertModel(db, 'orders');
    await db.destroy();
  });
});
