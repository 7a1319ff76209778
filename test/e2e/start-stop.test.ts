import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../kit/api.js';
import { freePort } from '../kit/ports.js';
import { runService } from '../kit/run-service.js';
import { isAlive, runnerPids } from '../kit/runners.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';

const NO_BROKER = '127.0.0.1:1';
const SCHEMA = { id: 'String', qty: 'Int32' };

describe('a service that cannot start', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'batch-start-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** One line that names what to change, and no stack. */
  async function fails(env: Record<string, string>, words: RegExp): Promise<void> {
    const { status, stdout, stderr } = await runService({
      PORT: '0',
      KAFKA_BROKERS: NO_BROKER,
      DATA_DIR: folder,
      ...env,
    });
    expect(stderr.trim()).toMatch(words);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).not.toContain('    at ');
    expect(status).toBe(1);
  }

  it('names the command that migrates, if it is not to do so itself', async () => {
    const env = { PORT: '0', KAFKA_BROKERS: NO_BROKER, DATA_DIR: folder, MIGRATE: 'off', ...ONE_PROCESS };
    await fails(env, /lacks \d+ migrations, and MIGRATE=off: run `node dist\/main.js migrate`.*first\.$/);
    const migrated = await runService(env, ['migrate']);
    expect(migrated).toMatchObject({ status: 0, stdout: expect.stringMatching(/^The database is up to date.*0001_/) });
    expect(await runService(env, ['migrate'])).toMatchObject({ status: 0, stdout: 'The database was up to date.\n' });
    const service = await startService({ brokers: NO_BROKER, dataDir: folder, env });
    await service.stop();
    expect(await runService(env, ['serve'])).toMatchObject({ status: 1, stderr: expect.stringMatching(/^Usage: /) });
  });

  it('keeps its database in the file that is named, and its folder to itself', async () => {
    const file = join(folder, 'elsewhere', 'jobs.db');
    const env = { DATABASE_URL: `sqlite:${file}` };
    const service = await startService({ brokers: NO_BROKER, dataDir: join(folder, 'data'), env });
    const other = { PORT: '0', KAFKA_BROKERS: NO_BROKER };
    await fails({ ...other, ...env, DATA_DIR: join(folder, 'other') }, /^Another process uses/);
    await fails({ ...other, DATA_DIR: join(folder, 'data') }, /^Another process uses the data folder/);
    await new Api(service.url).createModel('orders', SCHEMA);
    await service.stop();
    expect((await readdir(join(folder, 'elsewhere'))).includes('jobs.db')).toBe(true);
  });

  it('names every variable at fault', async () => {
    const { status, stderr } = await runService({ PORT: 'x', MAX_UPLOAD_BYTES: '-1' });
    expect(stderr).toMatch(/PORT must be .*\n.*MAX_UPLOAD_BYTES must be /);
    expect(stderr).not.toContain('    at ');
    expect(status).toBe(1);
  });

  it('says that its port is taken, and what to do', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    await fails({ PORT: `${port}` }, new RegExp(`Port ${port} on 127.0.0.1 is in use: .*PORT`));
    other.close();
  });

  it('says that an address is not its own', async () => {
    await fails({ HOST: '203.0.113.1' }, /Cannot listen on 203\.0\.113\.1.*HOST/);
  });

  it('says that it needs a key if others can reach it, and how to create one', async () => {
    const env = { HOST: '0.0.0.0', PORT: '0', KAFKA_BROKERS: NO_BROKER, DATA_DIR: folder, ...ONE_PROCESS };
    await fails(env, /^Requests need an API key \(HOST=0\.0\.0\.0\).*`node dist\/main\.js key create NAME`.*AUTH=none/);
    const usage = expect.stringMatching(/^Usage: node dist\/main\.js key create/);
    expect(await runService(env, ['key', 'make'])).toMatchObject({ status: 1, stderr: usage });
    const wrong = await runService(env, ['key', 'create', 'ops', '--scope', 'root']);
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining('scope must be one of') });
    const { stdout } = await runService(env, ['key', 'create', 'ops']);
    const key = stdout.trim();
    const service = await startService({ brokers: NO_BROKER, dataDir: folder, env });
    const url = service.url.replace('0.0.0.0', '127.0.0.1');
    expect((await fetch(`${url}/jobs`)).status).toBe(401);
    expect((await fetch(`${url}/jobs`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
    expect(await runService(env, ['key', 'list'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('Another process uses'),
    });
    await service.stop();
    expect(service.log()).not.toContain(key.slice(15));
    const id = key.slice(6, 14);
    expect((await runService(env, ['key', 'revoke', id])).stdout).toBe(`Revoked the key batch_${id}.\n`);
    const list = await runService(env, ['key', 'list']);
    expect(list.stdout).toMatch(new RegExp(`^ID\\tNAME\\t.*\\n${id}\\tops\\tadmin\\t`));
    const open = await startService({ brokers: NO_BROKER, dataDir: folder, env: { ...env, AUTH: 'none' } });
    await open.stop();
    expect(open.log()).toContain('AUTH=none: whoever can reach this address may use the service');
  });

  it('says that another process has its data', async () => {
    const service = await startService({ brokers: NO_BROKER });
    await fails({ DATA_DIR: service.dataDir }, /Another process uses .*DATA_DIR/);
    await service.stop();
  });

  it('says that its data folder cannot be one', async () => {
    await writeFile(join(folder, 'file'), '');
    await fails({ DATA_DIR: join(folder, 'file') }, /DATA_DIR/);
    await mkdir(join(folder, 'data/batch.db'), { recursive: true });
    await fails({ DATA_DIR: join(folder, 'data') }, /DATA_DIR/);
  });
});

describe('a service without a broker', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ brokers: NO_BROKER });
  });
  afterAll(() => service.stop());

  it('starts, keeps models and says what is missing', async () => {
    const api = new Api(service.url);
    await api.createModel('orders', SCHEMA);
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${service.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ error: { kafka: { status: 'down' } } });
    expect(await (await fetch(`${service.url}/jobs`)).json()).toEqual([]);
    const refused = await api.upload('orders', Buffer.from('id,qty\n'));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
  });

  it('writes JSON to its log and no warnings that it causes', () => {
    for (const line of service.log().trim().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});

describe('a service that is stopped', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s is gone soon, with its runners, even during an upload',
    async (signal) => {
      const service = await startService({ brokers: process.env['E2E_KAFKA_BROKERS'] ?? NO_BROKER });
      await new Api(service.url).createModel('orders', SCHEMA);
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(
            Buffer.from('--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nid,qty\n'),
          );
        },
      });
      const upload = fetch(`${service.url}/jobs?model_id=orders`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
        body,
        duplex: 'half',
      } as RequestInit).then(
        (response) => response.status,
        () => 'cut off',
      );
      await sleep(300);
      const runners = runnerPids(service);
      const began = Date.now();
      await service.kill(signal);
      expect(Date.now() - began).toBeLessThan(10_000);
      expect(await upload).toBe('cut off');
      await sleep(500);
      expect(runners.filter(isAlive)).toEqual([]);
      await service.stop();
      expect(service.log()).toContain('"stopped"');
    },
  );
});
