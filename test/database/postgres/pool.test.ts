import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server } from 'node:net';
import { createPool } from '../../../src/database/postgres/pool.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';

/** The server is ready for a statement. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
/** An ErrorResponse, as a server sends it that is killed. */
const FATAL = (() => {
  const fields = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0');
  const header = Buffer.alloc(5, 'E');
  header.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([header, fields]);
})();

describe('the connections to a PostgreSQL', () => {
  let postgres: PostgresServer;
  let dying: Server;

  beforeAll(async () => {
    postgres = await startPostgres();
    // A server that is killed as soon as a connection is open: both come in one packet.
    dying = createServer((client) => {
      const upstream = createConnection(postgres.port, '127.0.0.1');
      for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
      client.pipe(upstream);
      upstream.on('data', (chunk) => {
        if (chunk.subarray(-READY.length).equals(READY)) client.end(Buffer.concat([chunk, FATAL]));
        else client.write(chunk);
      });
      client.on('close', () => upstream.destroy());
    });
    await once(dying.listen(0, '127.0.0.1'), 'listening');
  }, 300_000);
  afterAll(async () => {
    dying.close();
    await postgres.stop();
  });

  it('may break in the moment in which they are opened, and the process goes on', async () => {
    const { port } = dying.address() as AddressInfo;
    const url = `postgres://batch@127.0.0.1:${port}/postgres`;
    const pool = createPool({ url, onIdleError: () => undefined });
    const connection = await pool.connect();
    await expect(connection.query('SELECT 1', [])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    connection.release();
    await pool.end();
  });
});
