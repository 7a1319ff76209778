import { openDatabase } from '../../src/database/index.js';
import { SqliteThread } from '../../src/database/sqlite/index.js';

/** A separate process: opens the metadata store of the folder given as argument and holds it until it is killed. */
try {
  await openDatabase(new SqliteThread(process.argv[2] ?? '', { busyTimeoutMs: 100 }));
  process.stdout.write('open\n');
  setInterval(() => undefined, 1000);
} catch (error) {
  process.stdout.write(`refused: ${error instanceof Error ? error.message : String(error)}\n`);
}
