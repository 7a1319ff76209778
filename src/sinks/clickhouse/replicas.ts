import { type Connection, quoted } from './connection.js';

/** Waits until this replica has what the others had. `engines`: of tables, by name; those without replicas are skipped. */
export async function syncReplicas(connection: Connection, engines: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, engine] of engines) {
    if (engine.startsWith('Replicated')) await connection.run(`SYSTEM SYNC REPLICA ${quoted(name)}`);
  }
}
