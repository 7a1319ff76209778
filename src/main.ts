import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { type Config, loadConfig } from './config/index.js';
import { SqliteThread } from './database/sqlite/index.js';
import type { Diagnosis } from './diagnostics/index.js';
import { createLog } from './observability/index.js';
import { checkPreconditions } from './preconditions.js';
import { explainStartupError } from './startup-errors.js';

// Loading the modules would blow up the heap's young generation to three times 16 MiB, and an upload would then leave
// as much garbage lying. It stays small: 40 MB less at rest, 60 MB less while uploading.
setFlagsFromString('--semi-space-growth-factor=1');
// 8 MB less at the peak of an upload, for no measurable time: nothing here computes.
setFlagsFromString('--optimize-for-size');

/**
 * Node may hang in an exit while V8 still compiles on other threads, as it does right after the modules were loaded
 * (nodejs/node#54918). With the event loop idle these threads come to their end.
 */
const COMPILING_MS = 200;

function readConfig(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    return fail((error as Error).message);
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** As everything else is, instead of as text on stderr. */
function logWarnings(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ err: warning }, 'process warning'));
}

/** Without its store the service can do nothing, and a kill at any time loses nothing. */
function onCrash(error: Error): never {
  log.fatal({ err: error }, 'the metadata store has crashed');
  process.exit(1);
}

/** Says what is wrong, and ends the process: with 0 if nothing is, 1 for an error, 2 for warnings alone. */
async function diagnose(isJson: boolean): Promise<never> {
  const { diagnosisText, exitCodeOf, problem, toDiagnosis } = await import('./diagnostics/index.js');
  let diagnosis: Diagnosis;
  try {
    const { doctor } = await import('./doctor.js');
    diagnosis = await doctor(loadConfig(process.env));
  } catch (error) {
    diagnosis = toDiagnosis([problem('settings', (error as Error).message, 'Correct these environment variables.')]);
  }
  process.stdout.write(isJson ? `${JSON.stringify(diagnosis, null, 2)}\n` : diagnosisText(diagnosis));
  process.exit(exitCodeOf(diagnosis));
}

const [command, ...others] = process.argv.slice(2);
const isJson = command === 'doctor' && others[0] === '--json' && others.length === 1;
const takesOthers = isJson || command === 'key' || (command === 'restore' && others.length === 1);
if (![undefined, 'migrate', 'doctor', 'key', 'restore'].includes(command) || (others.length > 0 && !takesOthers)) {
  fail(
    'Usage: node dist/main.js [migrate | doctor [--json] | key … | restore [FILE]]. Without a command the service starts; its settings are environment variables.',
  );
}
if (command === 'doctor') await diagnose(isJson);
const config = readConfig();
const log = createLog(config.logLevel);
logWarnings(log);
try {
  if (command === 'migrate') {
    const { migrateDatabase } = await import('./migrate.js');
    process.stdout.write(`${await migrateDatabase(config)}\n`);
    process.exit();
  }
  if (command === 'key') {
    const { runKeyCommand } = await import('./key-command.js');
    process.stdout.write(`${await runKeyCommand(others, config)}\n`);
    process.exit();
  }
  if (command === 'restore') {
    const { restore } = await import('./restore.js');
    process.stdout.write(`${await restore(config, others[0])}\n`);
    process.exit();
  }
  await checkPreconditions(config);
  // It starts while the modules are loaded.
  const { database, dataDir } = config;
  const sqlite = database.kind === 'sqlite' ? new SqliteThread(dataDir, { file: database.file, onCrash }) : undefined;
  const { serve } = await import('./serve.js');
  await serve(config, log, sqlite);
} catch (error) {
  await sleep(COMPILING_MS);
  fail(explainStartupError(error, config) ?? (error instanceof Error ? String(error.stack) : String(error)));
}
