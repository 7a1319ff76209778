import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net';
import { pino } from 'pino';
import { type Database, listenPostgres, notifyPostgres, openPostgres } from '../../../src/database/index.js';
import { PostgresNotifier } from '../../../src/jobs/queue/postgres/postgres-notifier.js';
import { describesJobNotifier } from '../../conformance/job-notifier.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';

const CHANNEL = 'batch_jobs';
const log = pino({ level: 'silent' });
let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await startPostgres();
}, 300_000);
afterAll(() => postgres.stop());

interface Connected {
  notifier: PostgresNotifier;
  db: Database;
}

async function connect(url: string, listen = listenPostgres): Promise<Connected> {
  const db = await openPostgres({ url, onIdleError: () => undefined });
  const notifier = new PostgresNotifier({
    listen: (onPayload) => listen(url, CHANNEL, onPayload),
    send: (payloads) => notifyPostgres(db, CHANNEL, payloads),
    log,
  });
  return { notifier, db };
}

describesJobNotifier('in PostgreSQL', async () => {
  const url = await postgres.createDatabase();
  const connected: Connected[] = [];
  return {
    async connect() {
      const one = await connect(url);
      connected.push(one);
      return one.notifier;
    },
    async dispose() {
      for (const { db } of connected) await db.destroy();
    },
  };
});

describe('a notifier in PostgreSQL', () => {
  let url: string;
  let own: Connected;
  let other: Connected;
  let heard: string[];

  beforeEach(async () => {
    url = await postgres.createDatabase();
    [own, other] = [await connect(url), await connect(url)];
    heard = [];
  });
  afterEach(async () => {
    for (const { notifier, db } of [own, other]) {
      await notifier.close();
      await db.destroy();
    }
  });

  async function until(holds: () => boolean, again: () => void = () => undefined): Promise<void> {
    for (const deadline = Date.now() + 60_000; !holds(); ) {
      expect(Date.now()).toBeLessThan(deadline);
      again();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('hears again after its connection was cut, and after the server was started anew', async () => {
    other.notifier.onWake((jobId) => heard.push(jobId));
    await until(
      () => heard.includes('first000'),
      () => own.notifier.notify('first000'),
    );
    await postgres.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = '${url.split('/').at(-1)}'`,
    );
    await until(
      () => heard.includes('second00'),
      () => own.notifier.notify('second00'),
    );
    await postgres.kill();
    await until(() => other.notifier.trouble() !== null);
    await postgres.restart();
    await until(
      () => heard.includes('third000'),
      () => own.notifier.notify('third000'),
    );
    expect(other.notifier.trouble()).toBeNull();
  });

  it('closes its connection to a server that is gone without a word', async () => {
    const sockets: Socket[] = [];
    const network = createServer({ allowHalfOpen: true }, (client) => {
      const server = connectTo(Number(new URL(url).port), '127.0.0.1');
      client.pipe(server).pipe(client);
      sockets.push(client, server);
    }).listen(0, '127.0.0.1');
    await once(network, 'listening');
    const through = new URL(url);
    through.port = String((network.address() as AddressInfo).port);
    const listener = await listenPostgres(through.href, CHANNEL, () => undefined);
    for (const socket of sockets) socket.unpipe().pause();
    await listener.close();
    await listener.ended;
    for (const socket of sockets) socket.destroy();
    network.close();
  });

  it('says so if nothing is heard, as behind a pooler', async () => {
    const deaf = await connect(url, async (...[, channel, onPayload]) =>
      listenPostgres(url, `${channel}_of_others`, onPayload),
    );
    deaf.notifier.onWake((jobId) => heard.push(jobId));
    await until(() => deaf.notifier.trouble() !== null);
    expect(deaf.notifier.trouble()).toContain('DATABASE_DIRECT_URL');
    deaf.notifier.notify('own00000'); // its own jobs it hears of all the same
    await until(() => heard.includes('own00000'));
    await deaf.notifier.close();
    await deaf.db.destroy();
  });

  it('drops what it cannot send, and goes on', async () => {
    await own.db.destroy();
    for (let i = 0; i < 3_000; i++) own.notifier.notify(`job${i}`);
    await own.notifier.close();
    own = await connect(url);
    other.notifier.onWake((jobId) => heard.push(jobId));
    await until(
      () => heard.includes('again000'),
      () => own.notifier.notify('again000'),
    );
  });
});
