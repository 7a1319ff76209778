import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Environment } from './environment.js';
import { CliError } from './failure.js';

/** A service that `batch login` was told of. */
export interface Profile {
  api_url: string;
  api_key: string;
}

export interface Profiles {
  /** The one that is used if none is named. */
  current?: string | undefined;
  profiles: Record<string, Profile>;
}

/** `$XDG_CONFIG_HOME/batch/profiles.json`, by default in `~/.config`. */
export function profilesPath({ env, home }: Environment): string {
  const base = env['XDG_CONFIG_HOME']?.trim() || join(home, '.config');
  return join(base, 'batch', 'profiles.json');
}

/** Throws CliError for a file that others may read, or that is not one of profiles. */
export function readProfiles(environment: Environment): Profiles {
  const path = profilesPath(environment);
  let text: string;
  try {
    requirePrivate(path);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { profiles: {} };
    throw error;
  }
  const parsed = parse(text);
  if (parsed !== null) return parsed;
  throw new CliError(
    'PROFILES_BROKEN',
    `${path} is not a file of profiles`,
    `Remove it, then log in again: batch login`,
  );
}

/** Writes the file anew, readable by its owner alone. */
export function writeProfiles(environment: Environment, profiles: Profiles): void {
  const path = profilesPath(environment);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const part = `${path}.${randomUUID()}`;
  try {
    // `wx`: what lies there, or where a link leads, is not written to.
    writeFileSync(part, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

function requirePrivate(path: string): void {
  // Windows has no such modes.
  if (process.platform === 'win32' || (statSync(path).mode & 0o077) === 0) return;
  throw new CliError('PROFILES_READABLE', `${path} holds keys, and others may read it`, `Close it: chmod 600 ${path}`);
}

function parse(text: string): Profiles | null {
  try {
    const { current, profiles } = JSON.parse(text) as Partial<Profiles>;
    if (current !== undefined && typeof current !== 'string') return null;
    if (typeof profiles !== 'object' || profiles === null) return null;
    const isProfile = ({ api_url: url, api_key: key }: Partial<Profile>): boolean =>
      typeof url === 'string' && URL.canParse(url) && typeof key === 'string';
    return Object.values(profiles).every(isProfile) ? { current, profiles } : null;
  } catch {
    return null;
  }
}
