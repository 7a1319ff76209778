import type { DatabaseConfig } from './database.js';

/** Reads QUEUE_URL, null if it is not set; adds to `problems` what is wrong with it, without the password that it may hold. */
export function readQueueUrl(
  env: Readonly<Record<string, string | undefined>>,
  database: DatabaseConfig,
  problems: string[],
): string | null {
  const url = env['QUEUE_URL']?.trim();
  if (!url) return null;
  if (!isRedisUrl(url))
    problems.push('QUEUE_URL must be redis://<user>:<password>@<host>:<port>/<database>, or rediss://… for TLS');
  if (database.kind === 'sqlite') {
    problems.push('QUEUE_URL is of use only with DATABASE_URL=postgres://…: nobody else works on the jobs in a SQLite');
  }
  return url;
}

function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== '' && /^(?:\/\d*)?$/.test(url.pathname);
}
