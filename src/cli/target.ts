import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.js';
import { CliError, EXIT } from './failure.js';
import { type Profile, readProfiles } from './profiles.js';

/** A service, and the key to it. */
export interface Target {
  url: string;
  /** undefined: there is none for this service. */
  key: string | undefined;
}

const DEFAULT_URL = 'http://127.0.0.1:8000';

export interface TargetOptions {
  /** --api-url. */
  apiUrl?: string | undefined;
  /** The profile that is asked for. */
  profile?: string | undefined;
  /** Whether the profile need not be there yet. */
  isNew?: boolean;
}

/**
 * Where the service is: --api-url, BATCH_API_URL, the profile, what scripts/up.sh started last, the default port. The key is
 * BATCH_API_KEY, or that of the profile, which is sent to the service of the profile alone.
 */
export function targetOf({ apiUrl, profile: name, isNew = false }: TargetOptions, environment: Environment): Target {
  const { env, projectRoot } = environment;
  const profile = profileOf(name, isNew, environment);
  const fromEnvironment = env['BATCH_API_URL']?.trim();
  const url = apiUrl ?? (fromEnvironment || profile?.api_url || fromRunFile(projectRoot) || DEFAULT_URL);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    const source = apiUrl === undefined ? 'BATCH_API_URL' : '--api-url';
    throw new CliError(
      'USAGE',
      `${source} is not an http(s) address: '${url}'`,
      `For example ${DEFAULT_URL}.`,
      EXIT.usage,
    );
  }
  const isItsOwn = profile !== undefined && new URL(profile.api_url).href === new URL(url).href;
  const key = env['BATCH_API_KEY']?.trim() || (isItsOwn ? profile.api_key : undefined);
  // A header cannot have it, and its error would show it.
  if (key !== undefined && !/^[\x21-\x7E]+$/.test(key)) {
    throw new CliError('USAGE', 'BATCH_API_KEY is not a key', 'Set it to the key alone: batch_…', EXIT.usage);
  }
  return { url, key };
}

/** The profile of this name, or the one that is current; undefined: none is. */
function profileOf(name: string | undefined, isNew: boolean, environment: Environment): Profile | undefined {
  const { current, profiles } = readProfiles(environment);
  const wanted = name ?? current;
  if (wanted === undefined) return undefined;
  const profile = Object.hasOwn(profiles, wanted) ? profiles[wanted] : undefined;
  if (profile !== undefined || name === undefined || isNew) return profile;
  const known = Object.keys(profiles).join(', ') || 'none';
  throw new CliError(
    'USAGE',
    `there is no profile '${name}' (profiles: ${known})`,
    `Create it: batch login --profile ${name}`,
    EXIT.usage,
  );
}

function fromRunFile(projectRoot: string): string | undefined {
  try {
    const text = readFileSync(join(projectRoot, '.run', 'env'), 'utf8');
    return /^(?:export\s+)?BATCH_API_URL=(["']?)(.+?)\1\s*$/m.exec(text)?.[2];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Nothing was started from here, or a part of a path that is not a folder: both are the normal case elsewhere.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
