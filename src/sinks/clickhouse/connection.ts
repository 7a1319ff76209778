import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { sinkErrorOf } from './errors.js';

/** Inserting a block may take a loaded server a while; one that is silent for longer is given up. */
const REQUEST_TIMEOUT_MS = 120_000;
/** Below the 3 s after which ClickHouse itself closes idle connections. */
const IDLE_MS = 2_000;

/**
 * One insert is one part, however large: then its token stands for all of it. Set for each statement, so that no profile of
 * the user changes that.
 */
const ONE_PART = {
  async_insert: 0,
  insert_deduplicate: 1,
  input_format_parallel_parsing: 0,
  max_insert_block_size: '10000000',
  min_insert_block_size_rows: '10000000',
  min_insert_block_size_bytes: '1073741824',
  // The names and types before the rows say what the columns are: in the URL there is no room for thousands.
  input_format_with_names_use_header: 1,
  input_format_with_types_use_header: 1,
  input_format_skip_unknown_fields: 0,
  input_format_allow_errors_num: '0',
  input_format_allow_errors_ratio: 0,
  wait_end_of_query: 1,
} as const;
/** What newer servers have beside `insert_deduplicate`, and a profile may have switched off. */
const NEWER_SETTINGS: Readonly<Record<string, string>> = { deduplicate_insert: 'enable' };
/** In bytes; what a server allows by itself (256 KiB) is too little for a table of thousands of columns. */
const MAX_QUERY_SIZE = `${16 * 1024 ** 2}`;

/** The statements of a sink. Each throws SinkError, or ClickHouse's own error where it says so. */
export class Connection {
  readonly #client: ClickHouseClient;
  #newerSettings: Promise<Record<string, string>> | undefined;

  constructor(url: string) {
    this.#client = createClient({
      url,
      request_timeout: REQUEST_TIMEOUT_MS,
      keep_alive: { enabled: true, idle_socket_ttl: IDLE_MS },
      application: 'batch',
      // It would write its own lines between those of the log; what fails is thrown, too.
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  /** The rows that a statement gives, numbers of 64 bits as text. `params`: for `{name:Type}` in it. */
  async rows<T>(query: string, params: Record<string, unknown> = {}): Promise<T[]> {
    try {
      const answer = await this.#client.query({
        query,
        query_params: params,
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
      });
      return await answer.json<T>();
    } catch (error) {
      throw sinkErrorOf(error);
    }
  }

  /** Resolves when the statement has been executed. */
  async run(query: string, params: Record<string, unknown> = {}, settings: Record<string, number> = {}): Promise<void> {
    try {
      await this.#client.command({
        query,
        query_params: params,
        clickhouse_settings: { ...settings, max_query_size: MAX_QUERY_SIZE, wait_end_of_query: 1 },
      });
    } catch (error) {
      throw sinkErrorOf(error);
    }
  }

  /**
   * Inserts rows as one part, once for each token: a repeated insert of the same token does nothing, whatever its rows.
   * `chunks` are asked for as they can be sent. Throws ClickHouse's own error.
   */
  async insert(into: string, format: string, chunks: Iterable<Uint8Array>, token: string): Promise<void> {
    this.#newerSettings ??= this.#findNewerSettings();
    const newer = await this.#newerSettings.catch((error: unknown) => {
      this.#newerSettings = undefined;
      throw error;
    });
    const { stream } = await this.#client.exec({
      query: `INSERT INTO ${into} FORMAT ${format}`,
      values: Readable.from(chunks, { objectMode: false }),
      clickhouse_settings: { ...ONE_PART, ...newer, insert_deduplication_token: token },
    });
    for await (const _ of stream); // the connection is free again
  }

  async #findNewerSettings(): Promise<Record<string, string>> {
    const names = Object.keys(NEWER_SETTINGS);
    const found = await this.rows<{ name: string }>(
      'SELECT name FROM system.settings WHERE name IN {names:Array(String)}',
      {
        names,
      },
    );
    return Object.fromEntries(found.map(({ name }) => [name, NEWER_SETTINGS[name] as string]));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** As an identifier in SQL. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** As a text in SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
