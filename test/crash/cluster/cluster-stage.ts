import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';
import { type ProxiedBroker, startProxiedBroker } from '../../kit/proxied-broker.js';
import { hasRedis, type RedisServer, startRedis } from '../../kit/redis.js';
import { hasS3, type S3Server, startS3 } from '../../kit/s3.js';
import { S3Proxy } from '../../kit/s3-proxy.js';
import { JobStage, MODEL } from '../job-stage.js';
import { SCHEMA } from '../rows.js';
import { ClusterClient } from './cluster-client.js';
import { ClusterProcess } from './processes.js';

const APIS = 2;
const WORKERS = 3;
const CLOCK_LIMIT_MS = 300_000;
const READY_MS = 60_000;

/** Two APIs and three workers on PostgreSQL, Redis, S3 and one broker, each process with a separate wall clock. */
export class ClusterStage extends JobStage {
  readonly processes: ClusterProcess[] = [];
  readonly client = new ClusterClient(() => this.apis, this);
  /** How long each lease of a worker that was killed has lasted since, in ms. */
  readonly lapses: number[] = [];
  postgresUrl = '';
  #s3Proxy: S3Proxy | null = null;
  #postgres: PostgresServer | null = null;
  #redis: RedisServer | null = null;
  #s3: S3Server | null = null;
  readonly #turns = new Map<string, Promise<void>>();
  #prefix = '';
  #entries = 0;

  private constructor(
    seed: number,
    private readonly broker: ProxiedBroker,
  ) {
    super(seed, { direct: broker.broker.brokers, proxies: [broker.proxy] });
  }

  static async open(seed: number): Promise<ClusterStage> {
    return new ClusterStage(seed, await startProxiedBroker());
  }

  override async close(): Promise<void> {
    await super.close();
    await this.broker.stop();
  }

  get apis(): ClusterProcess[] {
    return this.processes.filter(({ role }) => role === 'api');
  }

  get workers(): ClusterProcess[] {
    return this.processes.filter(({ role }) => role === 'worker');
  }

  get postgres(): PostgresServer {
    return there(this.#postgres);
  }

  /** null: there is no Redis here, nor are its faults. */
  get redis(): RedisServer | null {
    return this.#redis;
  }

  /** null: there is no S3 here, nor are its faults; the files are in a folder. */
  get s3(): S3Proxy | null {
    return this.#s3Proxy;
  }

  /** host:port of the broker, past the proxy. */
  get brokers(): string {
    return this.broker.broker.brokers;
  }

  get topicPrefix(): string {
    return this.#prefix;
  }

  /** The topic of the jobs. */
  get jobsTopic(): string {
    return `${this.#prefix}.jobs`;
  }

  /** Everything is new: servers, processes, database and names. */
  override async enter(): Promise<void> {
    await this.leave();
    const folder = join(this.folder, `cluster-${++this.#entries}`);
    this.#postgres = await startPostgres();
    this.#redis = hasRedis ? await startRedis() : null;
    this.#s3 = hasS3 ? await startS3() : null;
    this.#s3Proxy = this.#s3 && (await S3Proxy.start(this.#s3.port));
    this.postgresUrl = await this.#postgres.createDatabase();
    this.#prefix = `batch_cluster_${process.pid}_${this.#entries}`;
    const env: Record<string, string> = {
      ...this.#s3?.env,
      ...(this.#s3Proxy ? { S3_ENDPOINT: this.#s3Proxy.endpoint } : {}),
      ...(this.#redis ? { QUEUE_URL: this.#redis.url } : {}),
      DATABASE_URL: this.postgresUrl,
      STORAGE_URL: this.#s3 ? `s3://${this.#s3.bucket}/cluster` : `file:${join(folder, 'files')}`,
      KAFKA_TOPIC_PREFIX: this.#prefix,
      JOB_CONCURRENCY: '1',
      MAX_JOB_TOPICS: '100000',
    };
    const options = { brokers: this.broker.proxy.address, folder, env };
    for (let i = 1; i <= APIS; i++) this.processes.push(new ClusterProcess(`api-${i}`, 'api', options));
    for (let i = 1; i <= WORKERS; i++) this.processes.push(new ClusterProcess(`worker-${i}`, 'worker', options));
    await Promise.all(this.processes.map((each) => each.start(this.clockOffset())));
    await this.client.createModel(MODEL, SCHEMA);
  }

  override async leave(): Promise<void> {
    await super.leave();
    await Promise.all(this.processes.splice(0).map((each) => each.stop()));
    await this.#s3Proxy?.stop();
    await this.#s3?.stop();
    await this.#redis?.stop();
    await this.#postgres?.stop();
    this.#s3Proxy = this.#s3 = this.#redis = this.#postgres = null;
  }

  override lastLog(): string {
    return this.processes.map(({ name, log }) => `--- ${name}\n${log.slice(-3_000)}`).join('\n');
  }

  /** Restarts of one server come one after the other. */
  async inTurn(server: 'PostgreSQL' | 'Redis', restart: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(server) ?? Promise.resolve()).then(restart);
    this.#turns.set(
      server,
      turn.catch(() => undefined),
    );
    return turn;
  }

  /** A wall clock may be up to five minutes off, in ms. */
  clockOffset(): number {
    return this.random(2 * CLOCK_LIMIT_MS) - CLOCK_LIMIT_MS;
  }

  /** What the database answers; asks again while it is away. */
  async query<R>(statement: string): Promise<R[]> {
    for (const deadline = Date.now() + READY_MS; ; await sleep(200)) {
      try {
        return (await this.postgres.query(statement, this.postgresUrl)) as R[];
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }
}

function there<T>(part: T | null): T {
  if (part === null) throw new Error('The cluster is not up: enter it first');
  return part;
}
