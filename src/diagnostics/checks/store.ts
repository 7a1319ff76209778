import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/index.js';
import { type Database, listenPostgres, notifyPostgres, readPostgresFacts, schemaState } from '../../database/index.js';
import { type Finding, ok, problem, unknown, warning } from '../finding.js';
import { judgeClock } from './clock.js';

const LEAST_POSTGRES = 140_000;
const HEARD_WITHIN_MS = 2_000;
/** A channel that nobody else listens to. */
const CHANNEL = 'batch_doctor';
const MiB = 1024 ** 2;

/** The tables, as far as this release knows them. */
export async function checkSchema(db: Database): Promise<Finding[]> {
  const { missing, isNewer } = await schemaState(db);
  if (isNewer) {
    return [
      warning(
        'schema',
        'the tables are those of a newer release, which this one may still work on',
        'Finish the upgrade, or go on with it.',
      ),
    ];
  }
  if (missing.length === 0) return [ok('schema', 'the tables are up to date')];
  return [
    warning(
      'schema',
      `the tables lack ${missing.length} of this release's migrations`,
      'node dist/main.js migrate, with the settings of the service',
    ),
  ];
}

/** The file of SQLite. */
export async function checkSqlite(file: string): Promise<Finding[]> {
  const size = await stat(file).then(
    (found) => found.size,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return null;
    },
  );
  if (size === null) return [ok('store', `the service creates ${file} when it first starts`)];
  return [ok('store', `SQLite in ${file}, ${Math.ceil(size / MiB)} MiB: one process alone may use it`)];
}

/** The PostgreSQL of DATABASE_URL, and whether notifications come through. */
export async function checkPostgres({ database, queueUrl }: Config, db: Database | null): Promise<Finding[]> {
  if (database.kind !== 'postgres') return [];
  const before = Date.now();
  const facts = await readPostgresFacts(database.url).catch((error: Error) => error);
  if (facts instanceof Error) {
    return [
      problem('store', `PostgreSQL does not take a connection: ${facts.message}`, 'Start it, or correct DATABASE_URL.'),
    ];
  }
  const findings = [
    facts.versionNumber < LEAST_POSTGRES
      ? problem('store', `PostgreSQL is ${facts.version}`, 'Upgrade it to 14 or newer.')
      : ok('store', `PostgreSQL ${facts.version}${facts.isPooled ? ', by way of a pooler' : ''}`),
    judgeClock('store_clock', "the database's", facts.time, before, Date.now()),
  ];
  if (facts.isReadOnly) {
    findings.push(
      problem(
        'store_writable',
        'the database is read-only: it is a standby, or its user may not write',
        'Point DATABASE_URL to the primary.',
      ),
    );
  }
  if (facts.fsync === 'off' || facts.synchronousCommit === 'off') {
    findings.push(
      warning(
        'store_durability',
        'the database confirms writes before they are on disk: after a crash, jobs may be missing',
        'ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()',
      ),
    );
  }
  if (facts.connections > 0.9 * facts.maxConnections) {
    findings.push(
      warning(
        'store_connections',
        `${facts.connections} of max_connections=${facts.maxConnections} are in use; each process may take 12`,
        'ALTER SYSTEM SET max_connections = 200, and restart it; or put PgBouncer before it',
      ),
    );
  }
  if (queueUrl === null && db !== null) findings.push(await checkNotifications(database.directUrl, db));
  return findings;
}

async function checkNotifications(directUrl: string, db: Database): Promise<Finding> {
  const check = 'store_notifications';
  const payload = randomBytes(8).toString('hex');
  const heard = Promise.withResolvers<true>();
  const fix = 'Set DATABASE_DIRECT_URL to the database itself, past the pooler; or set QUEUE_URL to a Redis.';
  let listener: Awaited<ReturnType<typeof listenPostgres>>;
  try {
    listener = await listenPostgres(directUrl, CHANNEL, (told) => {
      if (told === payload) heard.resolve(true);
    });
  } catch (error) {
    return warning(check, `DATABASE_DIRECT_URL does not take a connection: ${(error as Error).message}`, fix);
  }
  try {
    await notifyPostgres(db, CHANNEL, [payload]);
    const isHeard = await Promise.race([heard.promise, sleep(HEARD_WITHIN_MS, false, { ref: false })]);
    if (isHeard) return ok(check, 'notifications of new jobs come through');
    return warning(
      check,
      'notifications do not come through a pooler in transaction mode: jobs begin up to 10 s later',
      fix,
    );
  } finally {
    await listener.close().catch(() => undefined);
  }
}

/** What cannot be told without the database. */
export function withoutStore(check: string, why: string): Finding {
  return unknown(check, `needs the database: ${why}`);
}
