import { openDatabase } from '../../src/database/index.js';

/** A separate process: opens the metadata store of the folder given as argument and holds it until it is killed. */
try {
  await openDatabase(process.argv[2] ?? '', 100);
  process.stdout.write('open\n');
  setInterval(() => undefined, 1000);
} catch (error) {
  process.stdout.write(`refused: ${error instanceof Error ? error.message : String(error)}\n`);
}
