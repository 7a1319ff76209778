import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Damages the metadata store of a service that does not run, as a failing disk might: this job and this model can no
 * longer be read, and nothing can be written.
 */
export function breakStore(dataDir: string, jobId: string, modelId: string): void {
  const store = new DatabaseSync(join(dataDir, 'batch.db'));
  try {
    store.prepare(`UPDATE jobs SET dialect = '{' WHERE job_id = ?`).run(jobId);
    store.exec('ALTER TABLE sink_loads RENAME COLUMN state TO stat');
    store.exec('ALTER TABLE feeds RENAME COLUMN hidden TO hid');
    store.prepare(`UPDATE model_versions SET columns = '[' WHERE model_id = ?`).run(modelId);
    for (const [verb, table] of [
      ['INSERT', 'model_versions'],
      ['UPDATE', 'models'],
      ['INSERT', 'jobs'],
    ]) {
      store.exec(
        `CREATE TRIGGER no_${verb}_${table} BEFORE ${verb} ON ${table} BEGIN SELECT RAISE(ABORT, 'broken'); END`,
      );
    }
  } finally {
    store.close();
  }
}
