/** SINK_DDL: `create` makes tables and adds columns; `migrate` also widens columns; `off` only says what is missing. */
export type SinkDdl = 'create' | 'migrate' | 'off';

/** What a sink's process is configured with. */
export interface SinkSettings {
  /** CLICKHOUSE_URL: `http(s)://<user>:<password>@<host>:<port>/<database>`. May hold a password. */
  readonly url: string;
  readonly ddl: SinkDdl;
  /** SINK_LINEAGE: which job delivered which row is kept (PostgreSQL). */
  readonly lineage: boolean;
}
