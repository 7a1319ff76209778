import { accessSync, constants, readFileSync } from 'node:fs';
import { type AllowedSource, parseAllowedSource, parseConnections, type SourceConnection } from '../sources/index.js';

/**
 * Reads SOURCES (comma-separated prefixes of URIs) and the file of SOURCE_CONNECTIONS; adds to `problems` what is wrong with
 * them, without values.
 */
export function readSources(
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): { allowed: readonly AllowedSource[]; connections: readonly SourceConnection[] } {
  const entries = (env['SOURCES'] ?? '').split(',').map((entry) => entry.trim());
  const allowed = entries
    .filter((entry) => entry !== '')
    .flatMap((entry) => {
      const prefix = parseAllowedSource(entry);
      if (prefix === null) {
        problems.push(
          `SOURCES must be file:/<folder>, s3://<bucket>/<prefix>, gs://<bucket>/<prefix>, az://<account>/<container> or https://<host>/<path>, comma-separated${shownEntry(entry)}`,
        );
      }
      return prefix ?? [];
    });
  return { allowed, connections: readConnections(env, problems) };
}

function readConnections(env: Readonly<Record<string, string | undefined>>, problems: string[]): SourceConnection[] {
  const path = env['SOURCE_CONNECTIONS']?.trim();
  if (!path) return [];
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(`SOURCE_CONNECTIONS: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return [];
  }
  const connections = parseConnections(text, env, problems);
  for (const { options } of connections) {
    for (const name of ['ca_file', 'credentials_file']) {
      const { [name]: file } = options;
      if (typeof file === 'string') requireReadable(name, file, problems);
    }
  }
  return connections;
}

/** A certificate or key that cannot be read would fail each request that needs it. */
function requireReadable(name: string, file: string, problems: string[]): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    problems.push(`SOURCE_CONNECTIONS: ${name} ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Which entry is meant; not if there may be credentials in it. */
function shownEntry(entry: string): string {
  return /[@?#]/.test(entry) ? '' : `; ${JSON.stringify(entry)} is none of these`;
}
