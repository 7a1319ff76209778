import type { SinkDdl } from '../config/index.js';

/** What a sink is configured with. */
export interface SinkSettings {
  /** CLICKHOUSE_URL or POSTGRES_SINK_URL; may hold a password. */
  readonly url: string;
  readonly ddl: SinkDdl;
  /** Which job delivered which row is kept (PostgreSQL). */
  readonly lineage: boolean;
}
