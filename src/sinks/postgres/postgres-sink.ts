import type { SinkSettings } from '../settings.js';
import type { Sink, SinkSession } from '../sink.js';
import type { SinkJob } from '../sink-job.js';
import { Connections } from './connections.js';
import { openPositions } from './positions.js';
import { PostgresSession } from './postgres-session.js';
import { notReversible, removeJob } from './remove-job.js';
import { ensureSchema } from './schema.js';

/**
 * Loads rows into `ingested_data`, where each row is there once by its content. Every call is made of whole transactions of
 * unnamed statements, so it works behind a pooler in transaction mode.
 */
export class PostgresSink implements Sink {
  readonly name = 'postgres';
  readonly limits = { rows: 65_536, bytes: 16 * 1024 ** 2 };
  readonly #connections: Connections;
  /** The tables were found, or made. */
  #hasSchema = false;

  constructor(private readonly settings: SinkSettings) {
    this.#connections = new Connections(settings.url);
  }

  check(): Promise<void> {
    return this.#connections.transaction(async (client) => {
      await client.query('SELECT 1');
    });
  }

  async open(job: SinkJob): Promise<SinkSession> {
    await this.#requireSchema();
    const { lineage } = this.settings;
    try {
      const position = await this.#connections.transaction((client) => openPositions(client, job, lineage));
      return new PostgresSession(this.#connections, job, lineage, position);
    } catch (error) {
      // Somebody may have dropped them.
      this.#hasSchema = false;
      throw error;
    }
  }

  async remove(job: SinkJob): Promise<void> {
    if (!this.settings.lineage) throw notReversible();
    await this.#requireSchema();
    await removeJob(this.#connections, job);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #requireSchema(): Promise<void> {
    if (this.#hasSchema) return;
    await ensureSchema(this.#connections, this.settings.ddl);
    this.#hasSchema = true;
  }
}
