import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type MigrateMode, openDatabase } from '../../src/database/index.js';

describe('tables that are not as the process knows them', () => {
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'batch-migrations-'));
    await open();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function open(mode?: MigrateMode): Promise<string[]> {
    const run: string[] = [];
    const db = await openDatabase(folder, mode, (names) => run.push(...names));
    await db.destroy();
    return run;
  }

  function change(statements: string): void {
    const database = new DatabaseSync(join(folder, 'batch.db'));
    database.exec(statements);
    database.close();
  }

  const LATER = "INSERT INTO kysely_migration VALUES ('9999_later', '2027-01-01T00:00:00.000Z');";

  it('are left alone if they are up to date', async () => {
    expect([await open(), await open('off')]).toEqual([[], []]);
  });

  it('are migrated if they are older, unless that is not to be', async () => {
    change(
      `DROP INDEX jobs_due; DROP INDEX jobs_failing; DROP INDEX jobs_waiting; CREATE INDEX jobs_claimable ON jobs (seq);
      DELETE FROM kysely_migration WHERE name >= '0021'; ALTER TABLE jobs DROP COLUMN failures; ALTER TABLE jobs DROP COLUMN job_version;
      ALTER TABLE model_versions DROP COLUMN sinks; ALTER TABLE jobs DROP COLUMN sinks; DROP TABLE sink_loads; DROP TABLE sink_rejects;
      ALTER TABLE jobs DROP COLUMN source; ALTER TABLE jobs DROP COLUMN source_uri; ALTER TABLE jobs DROP COLUMN waiting;
      ALTER TABLE jobs DROP COLUMN trace_context; ALTER TABLE jobs DROP COLUMN owner; DROP TABLE workers; DROP TABLE feeds; DROP TABLE feed_files; DROP TABLE api_keys;
      ALTER TABLE installation DROP COLUMN needed_release;`,
    );
    await expect(open('off')).rejects.toThrow('lacks 10 migrations, and MIGRATE=off: run `node dist/main.js migrate`');
    expect(await open('on')).toEqual([
      '0021_fair_claims',
      '0022_failures',
      '0023_model_sinks',
      '0024_sinks',
      '0025_sources',
      '0026_feeds',
      '0027_api_keys',
      '0028_trace_contexts',
      '0029_needed_release',
      '0030_job_owners',
    ]);
    expect(await open('off')).toEqual([]);
  });

  it('are used as they are if they are newer and say that this release may', async () => {
    change(LATER);
    expect([await open('on'), await open('off')]).toEqual([[], []]);
  });

  it('are refused if they are newer and have lost what this release needs', async () => {
    change(`${LATER} UPDATE installation SET needed_migration = '9999_later', needed_release = '1.4.0'`);
    const words = 'releases before 1.4.0 cannot use: start 1.4.0 or a newer one, or restore a backup';
    await expect(open('on')).rejects.toThrow(words);
    await expect(open('off')).rejects.toThrow(words);
  });
});
