import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** A way to a PostgreSQL server that can fail. */
export interface PostgresProxy {
  readonly port: number;
  /** COMMITs whose answers never came. */
  readonly commitsCut: number;
  /** The next COMMIT is passed on and carried out, and its connection is cut instead of the answer. */
  cutAfterCommit(): void;
  /** Forgets a cut that has not come about. */
  heal(): void;
  close(): Promise<void>;
}

export async function startPostgresProxy(upstreamPort: number): Promise<PostgresProxy> {
  let isArmed = false;
  let commitsCut = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = createConnection(upstreamPort, '127.0.0.1');
    let isCut = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk) => {
      upstream.write(chunk);
      if (!isArmed || !chunk.includes('COMMIT\0')) return;
      isArmed = false;
      isCut = true;
    });
    upstream.on('data', (chunk) => {
      if (!isCut) {
        client.write(chunk);
        return;
      }
      // The answer says that it is committed.
      commitsCut += 1;
      client.destroy();
    });
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    get commitsCut() {
      return commitsCut;
    },
    cutAfterCommit() {
      isArmed = true;
    },
    heal() {
      isArmed = false;
    },
    async close() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
      await once(proxy, 'close');
    },
  };
}
