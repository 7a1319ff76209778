import { join, resolve } from 'node:path';

/** Where jobs and models are kept. */
export type DatabaseConfig =
  | { readonly kind: 'sqlite'; readonly file: string }
  /** The URLs may hold a password. `directUrl`: past a pooler, which lets no notifications through. */
  | { readonly kind: 'postgres'; readonly url: string; readonly directUrl: string };

/** Reads DATABASE_URL and DATABASE_DIRECT_URL; adds to `problems` what is wrong with it, without the password that it may hold. */
export function readDatabase(
  env: Readonly<Record<string, string | undefined>>,
  dataDir: string,
  problems: string[],
): DatabaseConfig {
  const url = env['DATABASE_URL']?.trim();
  if (!url) return { kind: 'sqlite', file: join(dataDir, 'batch.db') };
  if (/^sqlite:./.test(url)) return { kind: 'sqlite', file: resolve(url.slice('sqlite:'.length)) };
  const directUrl = env['DATABASE_DIRECT_URL']?.trim() || url;
  for (const [name, value] of [
    ['DATABASE_URL', url],
    ['DATABASE_DIRECT_URL', directUrl],
  ]) {
    if (isPostgresUrl(value)) continue;
    const others = name === 'DATABASE_URL' ? ' or sqlite:<path>' : '';
    problems.push(`${name} must be postgres://<user>:<password>@<host>:<port>/<database>${others}`);
  }
  return { kind: 'postgres', url, directUrl };
}

function isPostgresUrl(url = ''): boolean {
  return /^postgres(ql)?:\/\/[^/]*\/[^/?]+/.test(url) && URL.canParse(url);
}
