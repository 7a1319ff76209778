import type { SinkSettings } from '../settings.js';
import type { Sink, SinkJob, SinkSession } from '../sink.js';
import { ClickHouseSession } from './clickhouse-session.js';
import { Connection } from './connection.js';
import { readPosition } from './positions.js';
import { removeLoad } from './remove-load.js';
import { prepareTables } from './tables.js';

/** ClickHouse: each model's rows in a table, what is known of a load in the rows themselves. */
export class ClickHouseSink implements Sink {
  readonly name = 'clickhouse';
  /** Few and large parts: merging small ones takes it longer than inserting them. Two blocks are held at a time, encoded. */
  readonly limits = { rows: 262_144, bytes: 6 * 1024 ** 2 };
  readonly #connection: Connection;

  constructor(private readonly settings: SinkSettings) {
    this.#connection = new Connection(settings.url);
  }

  async check(): Promise<void> {
    await this.#connection.rows('SELECT 1');
  }

  async open(job: SinkJob): Promise<SinkSession> {
    const connection = this.#connection;
    const describe = () => prepareTables(connection, job, this.settings.ddl);
    const columns = await describe();
    const position = await readPosition(connection, job);
    return new ClickHouseSession({ connection, job, columns, position, describe });
  }

  async remove(job: SinkJob): Promise<void> {
    await removeLoad(this.#connection, job);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
