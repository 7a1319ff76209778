import { sql } from 'kysely';
import type { Database } from '../open-database.js';
import type { PostgresFacts } from './inspect.js';
import type { Listener } from './listener.js';

/** As `listen`; the client is loaded when it is used. */
export async function listenPostgres(
  url: string,
  channel: string,
  onPayload: (payload: string) => void,
): Promise<Listener> {
  const { listen } = await import('./listener.js');
  return listen(url, channel, onPayload);
}

/** Sends each payload (less than 8,000 bytes) to all who listen, as one statement. */
export async function notifyPostgres(db: Database, channel: string, payloads: readonly string[]): Promise<void> {
  await sql`SELECT pg_notify(${channel}, payload) FROM unnest(CAST(${payloads} AS text[])) AS payload`.execute(db);
}

/** As `inspectPostgres`, likewise. */
export async function readPostgresFacts(url: string): Promise<PostgresFacts> {
  const { inspectPostgres } = await import('./inspect.js');
  return inspectPostgres(url);
}
