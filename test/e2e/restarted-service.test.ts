import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onPseudoTerminal } from '../cli/support/pseudo-terminal.js';
import { Api } from '../kit/api.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { freePort } from '../kit/ports.js';
import { runnerPids } from '../kit/runners.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const orders = makeOrders(100_000);
const BATCH = [process.execPath, resolve('bin/batch')];

let folder: string;
let file: string;
let service: Service;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-restart-'));
  file = join(folder, 'orders.csv');
  await writeFile(file, orders.csv);
  port = await freePort();
  await start();
  await new Api(service.url).createModel('orders', ORDERS_SCHEMA);
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

async function start(): Promise<void> {
  service = await startService({ brokers, dataDir: join(folder, 'data'), env: { PORT: `${port}` } });
}

/** Runs a command and tells what it said so far. */
type Run = (
  args: string[],
  url: string,
  onText: (text: string) => void,
) => Promise<{ code: number | null; text: string }>;

const onPipe: Run = (args, url, onText) => {
  const child = spawn(BATCH[0] as string, [...BATCH.slice(1), ...args], {
    env: { PATH: process.env['PATH'], BATCH_API_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      onText(text);
    });
  }
  return new Promise((done) => child.once('close', (code) => done({ code, text })));
};
const onTerminal: Run = (args, url, onText) =>
  onPseudoTerminal([...BATCH, ...args], { BATCH_API_URL: url }, { onText });

describe.each<[string, Run]>([
  ['a pipe', onPipe],
  ['a terminal', onTerminal],
])('on %s, a service that is killed and started again', (_where, run) => {
  it('while it is waited for is waited for, too', async () => {
    // Frozen, so that the job cannot be over before the kill.
    const runners = runnerPids(service);
    for (const pid of runners) process.kill(pid, 'SIGSTOP');
    let restarting: Promise<void> | undefined;
    const restart = async (): Promise<void> => {
      const killed = service.kill('SIGKILL');
      // They hold its output open, and frozen they do not notice that it is gone.
      for (const pid of runners) process.kill(pid, 'SIGKILL');
      await killed;
    };
    let starting: Promise<void> | undefined;
    const { code, text } = await run(['job', 'create', 'orders', file, '--wait'], service.url, (said) => {
      if (said.includes('if this command is interrupted, run: batch job wait')) restarting ??= restart();
      if (said.includes('the job keeps running; waiting 60 s for the service')) starting ??= start();
    });
    await restarting;
    await starting;
    expect([code, text]).toEqual([0, expect.stringMatching(/the service is back after \d+\.\d s/)]);
    const id = /Job (\w{8}) accepted/.exec(text)?.[1] as string;
    expect(await new Api(service.url).job(id)).toMatchObject({ state: 'SUCCESS', totals: { ok: 100_000 } });
  });

  it('in the middle of an upload gets the file again, once', async () => {
    const api = new Api(service.url);
    const before = (await jobs(api)).length;
    const relay = await Relay.start(() => port);
    try {
      let starting: Promise<void> | undefined;
      const running = run(['job', 'create', 'orders', file, '--wait'], relay.url, (said) => {
        if (said.includes('trying again in')) starting ??= start();
      });
      await relay.held;
      await untilReceiving();
      await service.kill('SIGKILL');
      relay.release();
      const { code, text } = await running;
      await starting;
      expect([code, text]).toEqual([0, expect.stringMatching(/Job \w{8} accepted/)]);
      expect((await jobs(api)).length).toBe(before + 1);
    } finally {
      await relay.close();
    }
  });
});

/** The service has begun to store a file. */
async function untilReceiving(): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await readdir(join(folder, 'data/spool'))).some((name) => name.endsWith('.part'))) {
    if (Date.now() > deadline) throw new Error('the service received nothing for a minute');
    await new Promise((done) => setTimeout(done, 25));
  }
}

async function jobs(api: Api): Promise<unknown[]> {
  return (await (await fetch(`${api.url}/jobs?limit=1000`)).json()) as unknown[];
}

/** Passes connections on; holds the first one after 1 MB of it, until it is released. */
class Relay {
  static readonly HOLD_AFTER = 1_000_000;
  readonly held: Promise<void>;
  #isHeld: () => void = () => undefined;
  #holds = true;
  #released: () => void = () => undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: () => number,
  ) {
    this.held = new Promise((done) => {
      this.#isHeld = done;
    });
    server.on('connection', (client: Socket) => this.#pass(client));
  }

  static async start(target: () => number): Promise<Relay> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new Relay(server, target);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  release(): void {
    this.#holds = false;
    this.#released();
  }

  close(): Promise<void> {
    return new Promise((done) => this.server.close(() => done()));
  }

  #pass(client: Socket): void {
    const upstream = connect(this.target(), '127.0.0.1');
    let passed = 0;
    client.on('data', (chunk) => {
      passed += chunk.length;
      upstream.write(chunk);
      if (!this.#holds || passed < Relay.HOLD_AFTER) return;
      client.pause();
      this.#released = () => client.resume();
      this.#isHeld();
    });
    upstream.pipe(client);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  }
}
