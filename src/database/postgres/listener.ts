import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that is gone without a word answers no goodbye, and the system waits for it for a quarter of an hour. */
const CLOSE_TIMEOUT_MS = 1_000;
/** A channel is an identifier. */
const CHANNEL = /^[a-z_]+$/;

/** A connection that hears what is notified on one channel. */
export interface Listener {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Resolves in bounded time, whatever the server does. */
  close(): Promise<void>;
}

/**
 * Opens a connection to a PostgreSQL that hears a channel. `onPayload` is called for each notification. Rejects if the
 * server does not answer within 5 s. A pooler that lends connections for one transaction lets nothing through.
 */
export async function listen(url: string, channel: string, onPayload: (payload: string) => void): Promise<Listener> {
  if (!CHANNEL.test(channel)) throw new Error(`${channel} is not the name of a channel`);
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, keepAlive: true });
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve);
    client.once('error', () => resolve());
  });
  client.on('error', () => undefined); // the end says it
  client.on('notification', ({ payload }) => onPayload(payload ?? ''));
  try {
    await client.connect();
    await client.query({ text: `LISTEN ${channel}`, query_timeout: CONNECT_TIMEOUT_MS } as never);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return { ended, close: () => close(client) };
}

async function close(client: Client): Promise<void> {
  const tooLong = new AbortController();
  const silence = sleep(CLOSE_TIMEOUT_MS, undefined, { signal: tooLong.signal }).catch(() => undefined);
  await Promise.race([client.end(), silence]);
  tooLong.abort();
  client.connection.stream.destroy();
}
