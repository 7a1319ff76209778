import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { type OwnedProcess, spawnOwned } from './owned-process.js';
import { freePort } from './ports.js';

/** A real Apache Kafka of the test's own, on the loopback interface. */
export interface Broker {
  /** host:port, as KAFKA_BROKERS wants it; the same after a restart. */
  readonly brokers: string;
  /** The broker itself, not a shell around it; another one after a restart. */
  readonly pid: number;
  /** SIGKILL unless told otherwise; resolves when the broker is gone (SIGSTOP and SIGCONT: at once). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with its topics, after a SIGTERM if it still runs; resolves when it answers. About 3 s, 7 s after a SIGKILL. */
  restart(): Promise<void>;
  /** Ends it; removes its folder unless the caller named one. */
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/kafka.sh');
/** Generous, because the first start may fetch the jars. */
const START_TIMEOUT_MS = 180_000;

export interface BrokerOptions {
  dir?: string;
  port?: number;
  /** One more listener, `NAME://host:port`. `brokers` stays the plain one. */
  listener?: string;
  /** Path of a file with further broker settings; read again at a restart. */
  properties?: string;
  /** One of several nodes: its id, its controller's port, and `id@host:port` of every controller, comma-separated. */
  node?: { id: number; controllerPort: number; voters: string };
}

/** Starts a broker and waits until it answers. Any folder used before is taken up again. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'batch-kafka-')));
  const port = options.port ?? (await freePort());
  const controllerPort = options.node?.controllerPort ?? (await freePort());
  const brokers = `127.0.0.1:${port}`;

  const start = async (): Promise<OwnedProcess> => {
    const args = ['run', '--dir', dir, '--port', `${port}`, '--controller-port', `${controllerPort}`];
    if (options.listener !== undefined) args.push('--listener', options.listener);
    if (options.properties !== undefined) args.push('--properties', options.properties);
    if (options.node !== undefined) args.push('--node', `${options.node.id}`, '--voters', options.node.voters);
    const started = spawnOwned(SCRIPT, args);
    await started.until('it answered', START_TIMEOUT_MS, () => answers(brokers));
    return started;
  };
  let broker = await start();

  return {
    brokers,
    get pid() {
      return broker.pid;
    },
    kill: (signal = 'SIGKILL') => broker.kill(signal),
    async restart() {
      await broker.stop(20_000);
      broker = await start();
    },
    async stop() {
      if (options.dir === undefined) {
        await broker.kill('SIGKILL');
        await rm(dir, { recursive: true, force: true });
      } else {
        await broker.stop(20_000);
      }
    },
  };
}

/** true once an admin client gets the cluster's description with a broker in it, undefined before. */
async function answers(brokers: string): Promise<true | undefined> {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0 || undefined;
  } catch {
    // Not yet: whoever waits bounds the time and shows the broker's own output.
    return undefined;
  } finally {
    await admin.disconnect();
  }
}
