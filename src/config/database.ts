/** Where jobs and models are kept. */
export type DatabaseConfig =
  | { readonly kind: 'sqlite' }
  /** `url` may hold a password. */
  | { readonly kind: 'postgres'; readonly url: string };

/** Reads DATABASE_URL; adds to `problems` what is wrong with it, without the password that it may hold. */
export function readDatabase(env: Readonly<Record<string, string | undefined>>, problems: string[]): DatabaseConfig {
  const url = env['DATABASE_URL']?.trim();
  if (!url) return { kind: 'sqlite' };
  if (/^postgres(ql)?:\/\/[^/]*\/[^/?]+/.test(url) && URL.canParse(url)) return { kind: 'postgres', url };
  problems.push('DATABASE_URL must be postgres://<user>:<password>@<host>:<port>/<database>');
  return { kind: 'sqlite' };
}
