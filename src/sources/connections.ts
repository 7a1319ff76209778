import { createRequire } from 'node:module';
import type { YAMLParseError } from 'yaml';
import { type AllowedSource, isUnder, parseAllowedSource } from './allowed-sources.js';
import type { SourceUri } from './source.js';

/** How the files under a prefix are reached, if not as an SDK finds it out by itself. Values may be secrets. */
export interface SourceConnection {
  readonly prefix: AllowedSource;
  readonly options: Readonly<Record<string, string | boolean | Readonly<Record<string, string>>>>;
}

/** The options of each scheme, and whether they are text, yes or no, or text by name. */
const OPTIONS: Readonly<Record<SourceUri['scheme'], Readonly<Record<string, 'text' | 'flag' | 'map'>>>> = {
  file: {},
  s3: {
    endpoint: 'text',
    region: 'text',
    path_style: 'flag',
    access_key_id: 'text',
    secret_access_key: 'text',
    session_token: 'text',
    anonymous: 'flag',
  },
  gs: { endpoint: 'text', project_id: 'text', credentials_file: 'text', anonymous: 'flag' },
  az: { endpoint: 'text', account_key: 'text', sas_token: 'text', connection_string: 'text', anonymous: 'flag' },
  http: { headers: 'map' },
  https: { headers: 'map', ca_file: 'text' },
};

/**
 * Reads the file of SOURCE_CONNECTIONS: YAML, options by prefix; `${NAME}` stands for a variable of the environment. Adds to
 * `problems` what is wrong with it, without values.
 */
export function parseConnections(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): SourceConnection[] {
  // Runners take over what the service has parsed, and most services have nothing to parse.
  const { parse } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  let document: unknown;
  try {
    document = parse(text) ?? {};
  } catch (error) {
    // Its message may have a part of the file.
    const line = (error as Partial<YAMLParseError>).linePos?.[0].line;
    problems.push(`SOURCE_CONNECTIONS: the file is not YAML${line === undefined ? '' : ` (line ${line})`}`);
    return [];
  }
  if (!isMap(document)) {
    problems.push('SOURCE_CONNECTIONS: the file must have a prefix of URIs before each group of options');
    return [];
  }
  return Object.entries(document).flatMap(([name, options]) => {
    const prefix = parseAllowedSource(name);
    if (prefix === null || !isMap(options)) {
      problems.push(
        `SOURCE_CONNECTIONS: ${JSON.stringify(name.replace(/\/\/.*@/, '//…@'))} must be a prefix such as s3://bucket, with options below it`,
      );
      return [];
    }
    return [{ prefix, options: readOptions(name, prefix, options, env, problems) }];
  });
}

/** The connection with the longest prefix of the URI; undefined: none has one. */
export function connectionOf(uri: SourceUri, connections: readonly SourceConnection[]): SourceConnection | undefined {
  return connections
    .filter(({ prefix }) => isUnder(uri, prefix))
    .toSorted((a, b) => b.prefix.path.length - a.prefix.path.length)[0];
}

function readOptions(
  name: string,
  { scheme }: AllowedSource,
  given: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): SourceConnection['options'] {
  const known = OPTIONS[scheme];
  const options: Record<string, string | boolean | Record<string, string>> = {};
  const text = (value: unknown): string =>
    String(value).replace(/\$\{(\w+)\}/g, (_, variable: string) => {
      const found = env[variable];
      if (found === undefined) problems.push(`SOURCE_CONNECTIONS: ${name} needs ${variable}, which is not set`);
      return found ?? '';
    });
  for (const [key, value] of Object.entries(given)) {
    const kind = known[key];
    if (kind === 'text' && key === 'endpoint' && !/^https?:$/.test(URL.parse(text(value))?.protocol ?? '')) {
      problems.push(`SOURCE_CONNECTIONS: ${name}: endpoint must be a URL, http://<host> or https://<host>`);
    } else if (kind === 'text' && (typeof value === 'string' || typeof value === 'number')) options[key] = text(value);
    else if (kind === 'flag' && typeof value === 'boolean') options[key] = value;
    else if (kind === 'map' && isMap(value)) {
      options[key] = Object.fromEntries(
        Object.entries(value).map(([header, each]) => [header.toLowerCase(), text(each)]),
      );
    } else {
      const names = Object.keys(known).join(', ') || 'no options';
      problems.push(`SOURCE_CONNECTIONS: ${name}: ${key} is not understood; ${scheme} has ${names}`);
    }
  }
  return options;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
