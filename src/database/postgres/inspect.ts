import { Client } from 'pg';

const TIMEOUT_MS = 10_000;

/** What a PostgreSQL says of itself over a separate connection. */
export interface PostgresFacts {
  /** As the server writes it: `15.8`. */
  version: string;
  /** `150008`. */
  versionNumber: number;
  /** Something lends connections to the server: the one that we have is not the server's own. */
  isPooled: boolean;
  /** It is a standby, or the user's transactions are read-only. */
  isReadOnly: boolean;
  /** Connections of all clients, and how many there may be. */
  connections: number;
  maxConnections: number;
  /** `fsync` and `synchronous_commit`. */
  fsync: string;
  synchronousCommit: string;
  /** By its clock, in ms since the epoch. */
  time: number;
}

/** Asks a PostgreSQL. Throws the client's errors, which name no password. */
export async function inspectPostgres(url: string): Promise<PostgresFacts> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  client.on('error', () => undefined); // the statement says it
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, string>>(`
      SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number,
        pg_backend_pid() AS pid, current_setting('transaction_read_only') AS read_only,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
        current_setting('max_connections') AS max_connections, current_setting('fsync') AS fsync,
        current_setting('synchronous_commit') AS synchronous_commit,
        extract(epoch FROM clock_timestamp()) * 1000 AS time`);
    const [row = {}] = rows;
    return {
      version: row['version'] ?? '',
      versionNumber: Number(row['number']),
      // A pooler gives each client another key to cancel by.
      isPooled: Number(row['pid']) !== (client as unknown as { processID: number }).processID,
      isReadOnly: row['read_only'] === 'on',
      connections: Number(row['connections']),
      maxConnections: Number(row['max_connections']),
      fsync: row['fsync'] ?? '',
      synchronousCommit: row['synchronous_commit'] ?? '',
      time: Number(row['time']),
    };
  } finally {
    await client.end().catch(() => undefined);
  }
}
