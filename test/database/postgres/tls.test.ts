import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { listenPostgres, openPostgres } from '../../../src/database/index.js';
import { type Certificate, makeAuthority, makeCertificate } from '../../kit/certificates.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';

/** As which the server runs if the tests are root. */
const NOBODY = 65_534;

describe('TLS to a PostgreSQL', () => {
  let dir: string;
  let authority: Certificate;
  let stranger: Certificate;
  const servers: PostgresServer[] = [];
  /** The URL of a database, which the certificate of its server allows to be called so, with sslmode=verify-full. */
  let urlFor: (host: string, trusted?: Certificate) => string;

  const fail = (error: Error): never => {
    throw error;
  };
  const open = (url: string) => openPostgres({ url, onIdleError: fail });

  async function startWith(names: string): Promise<PostgresServer> {
    const { cert, key } = await makeCertificate(dir, `server-${servers.length}`, authority, names);
    await chmod(key, 0o600);
    if (process.getuid?.() === 0) await chown(key, NOBODY, NOBODY);
    const server = await startPostgres({ settings: ['ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`] });
    servers.push(server);
    return server;
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'batch-tls-'));
    await chmod(dir, 0o755); // the server has to reach it
    [authority, stranger] = [await makeAuthority(dir, 'authority'), await makeAuthority(dir, 'stranger')];
    const server = await startWith('DNS:localhost,IP:127.0.0.1');
    const database = new URL(await server.createDatabase());
    urlFor = (host, trusted = authority) => {
      database.hostname = host;
      return `${database.href}?sslmode=verify-full&sslrootcert=${trusted.cert}`;
    };
  }, 300_000);
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it.each(['localhost', '127.0.0.1'])('is spoken with verify-full to %s', async (host) => {
    const db = await open(urlFor(host));
    const { rows } = await sql`SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()`.execute(db);
    expect(rows).toEqual([{ ssl: true, version: 'TLSv1.3' }]);
    await db.destroy();
  });

  it('is spoken by the connection for notifications', async () => {
    const listener = await listenPostgres(urlFor('localhost'), 'batch_jobs', () => undefined);
    const [server] = servers as [PostgresServer];
    expect(
      await server.query("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE query LIKE 'LISTEN%'"),
    ).toEqual([{ ssl: true }]);
    await listener.close();
  });

  it('refuses a certificate of another authority, and one of another name', async () => {
    await expect(open(urlFor('localhost', stranger))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/certificate/),
    });
    const other = await startWith('DNS:other.example');
    for (const host of ['localhost', '127.0.0.1']) {
      const url = `postgres://batch@${host}:${other.port}/postgres?sslmode=verify-full&sslrootcert=${authority.cert}`;
      await expect(open(url)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining("does not match certificate's altnames"),
      });
    }
  });

  it('is not given up if the server has none', async () => {
    const plain = await startPostgres();
    servers.push(plain);
    const url = `${await plain.createDatabase()}?sslmode=verify-full&sslrootcert=${authority.cert}`;
    await expect(open(url)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('The server does not support SSL connections'),
    });
  });
});
