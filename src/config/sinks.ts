import { parseSinks, SINK_NAMES, type SinkName } from '../ingest/index.js';

/** `create` makes tables and adds columns; `migrate` also changes columns; `off` only says what is missing. */
export const SINK_DDL = ['create', 'migrate', 'off'] as const;
export type SinkDdl = (typeof SINK_DDL)[number];

/** The databases that rows are loaded into from the topics. */
export interface SinksConfig {
  /**
   * CLICKHOUSE_URL: `http(s)://<user>:<password>@<host>:<port>/<database>`. POSTGRES_SINK_URL: `postgres://…`. The URLs
   * may hold passwords; one that is not set is not in the map.
   */
  readonly urls: ReadonlyMap<SinkName, string>;
  /** DEFAULT_SINKS: of jobs that name none, if their model does not either. */
  readonly defaults: readonly SinkName[];
  /** SINK_DDL. */
  readonly ddl: SinkDdl;
  /** SINK_LINEAGE: which job delivered which row is kept in PostgreSQL. */
  readonly lineage: boolean;
  /** SINK_CONCURRENCY: jobs that a worker loads into one sink at a time. */
  readonly concurrency: number;
  /** SINK_MAX_RSS_BYTES: the process of a sink is killed above it. */
  readonly maxRssBytes: number;
}

/** The setting that has a sink's URL. */
export const SINK_URLS: Readonly<Record<SinkName, string>> = {
  clickhouse: 'CLICKHOUSE_URL',
  postgres: 'POSTGRES_SINK_URL',
};

const SHAPES: Readonly<Record<SinkName, { pattern: RegExp; words: string }>> = {
  clickhouse: {
    pattern: /^https?:\/\/[^/]+(?:\/[A-Za-z_][A-Za-z0-9_]*)?\/?$/,
    words: 'http://<user>:<password>@<host>:8123/<database>, or https://…',
  },
  postgres: {
    pattern: /^postgres(ql)?:\/\/[^/]*\/[^/?]+/,
    words: 'postgres://<user>:<password>@<host>:<port>/<database>',
  },
};

/** Reads the URLs of the sinks and DEFAULT_SINKS; adds to `problems` what is wrong with them, without a password. */
export function readSinks(
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Pick<SinksConfig, 'urls' | 'defaults'> {
  const urls = new Map<SinkName, string>();
  for (const name of SINK_NAMES) {
    const url = env[SINK_URLS[name]]?.trim();
    if (!url) continue;
    const { pattern, words } = SHAPES[name];
    if (pattern.test(url) && URL.canParse(url)) urls.set(name, url);
    else problems.push(`${SINK_URLS[name]} must be ${words}`);
  }
  return { urls, defaults: readDefaults(env['DEFAULT_SINKS']?.trim(), urls, problems) };
}

function readDefaults(text: string | undefined, urls: ReadonlyMap<SinkName, string>, problems: string[]): SinkName[] {
  if (!text) return [];
  try {
    const defaults = parseSinks(text, 'DEFAULT_SINKS');
    for (const name of defaults) {
      if (!urls.has(name)) problems.push(`DEFAULT_SINKS names ${name}, but ${SINK_URLS[name]} is not set`);
    }
    return defaults;
  } catch (error) {
    problems.push((error as Error).message.replace(': ', ' '));
    return [];
  }
}
