import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { adjustRestored } from '../../src/backup/index.js';
import { openDatabase } from '../../src/database/index.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { ManualClock } from '../jobs/support/manual-clock.js';

/** What each release left behind, by its version. A release adds its own. */
const RELEASED = join(import.meta.dirname, 'released');
const CHANGELOG = readFileSync(join(import.meta.dirname, '../../CHANGELOG.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'batch-released-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Columns with their types and constraints, and indexes: tables whose columns came one by one have another text. */
function schemaOf(dataDir: string): unknown[] {
  const database = new DatabaseSync(join(dataDir, 'batch.db'), { readOnly: true });
  const columns = database
    .prepare(
      `SELECT t.name AS "table", c.name, lower(c.type) AS type, c."notnull", c.dflt_value, c.pk
       FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY t.name, c.name`,
    )
    .all();
  const indexes = database
    .prepare("SELECT name, replace(sql, '\n', ' ') AS sql FROM sqlite_schema WHERE type = 'index' ORDER BY name")
    .all();
  database.close();
  return [...columns, ...indexes.map((index) => ({ ...index, sql: String(index['sql']).replaceAll(/\s+/g, ' ') }))];
}

it('there is a store of each release in the change log', () => {
  const releases = [...CHANGELOG.matchAll(/^## \[?(\d+\.\d+\.\d+)/gm)].map(([, version]) => `${version}.sql`);
  expect(readdirSync(RELEASED).toSorted()).toEqual(releases.toSorted());
});

describe.each(readdirSync(RELEASED))('a store as %s left it', (name) => {
  const dataDir = join(folder, name);

  it('gets the tables of a new one, and keeps its jobs', async () => {
    const fresh = join(folder, `${name}-fresh`);
    await (await openDatabase(fresh)).destroy();
    await (await openDatabase(dataDir)).destroy();
    rmSync(join(dataDir, 'batch.db'));
    const older = new DatabaseSync(join(dataDir, 'batch.db'));
    older.exec(readFileSync(join(RELEASED, name), 'utf8'));
    const before = older.prepare('SELECT job_id, state, revision FROM jobs WHERE phase IS NULL ORDER BY seq').all();
    older.close();

    const db = await openDatabase(dataDir);
    const store = new JobStore(db, new ManualClock());
    for (const row of before) {
      const job = await store.get(String(row['job_id']));
      expect(job).toMatchObject({ state: row['state'], revision: row['revision'], modelId: 'orders', modelVersion: 2 });
    }
    expect(before.length).toBeGreaterThan(0);
    // A backup of it can be restored, too.
    expect(await adjustRestored(db, 0)).toEqual({ jobs: before.length + 1, unfinished: 2, keys: 0, feeds: [] });
    await db.destroy();
    expect(schemaOf(dataDir)).toEqual(schemaOf(fresh));
  });
});
