import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.js';
import { CliError, EXIT } from './failure.js';

const DEFAULT_URL = 'http://127.0.0.1:8000';

/** Where the service is: --api-url, BATCH_API_URL, what scripts/up.sh started last, the default port. */
export function apiUrl(flag: string | undefined, environment: Environment): string {
  const fromEnvironment = environment.env['BATCH_API_URL']?.trim();
  const url = flag ?? (fromEnvironment || fromRunFile(environment.projectRoot) || DEFAULT_URL);
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    const source = flag === undefined ? 'BATCH_API_URL' : '--api-url';
    throw new CliError(
      'USAGE',
      `${source} is not an http(s) address: '${url}'`,
      `For example ${DEFAULT_URL}.`,
      EXIT.usage,
    );
  }
  return url;
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
