import { readFileSync } from 'node:fs';
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
          `SOURCES must be file:/<folder>, s3://<bucket>/<prefix> or https://<host>/<path>, comma-separated`,
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
  return parseConnections(text, env, problems);
}
