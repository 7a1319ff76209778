import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { pino } from 'pino';
import { configureApp, createHttpServer, type RouteTable } from '../../../src/api/index.js';
import { AppModule } from '../../../src/app.module.js';
import { loadConfig } from '../../../src/config/index.js';
import { ServiceError } from '../../../src/errors/index.js';
import { PrefixOwnership } from '../../../src/jobs/coordination/prefix-ownership.js';
import { SinkWorkers } from '../../../src/jobs/coordination/sink-workers.js';
import { ClusterProbe, type JobTopics, KafkaProbe, serviceTopics, TopicAdmin } from '../../../src/kafka/index.js';
import { createLog } from '../../../src/observability/index.js';
import { Metrics } from '../../../src/observability/metrics/index.js';
import { NO_TRACING } from '../../../src/observability/tracing/index.js';
import { RunnerPool } from '../../../src/runner/index.js';

/** Stands where the broker would: tests against a real one are under test/e2e. */
export class KafkaAtHand {
  up = true;
  readonly service = serviceTopics('batch');
  readonly knownDefect = null;
  readonly refusedConfigs = null;
  readonly obtainedReplicas = null;
  readonly topics = new Set<string>();

  async check(): Promise<void> {
    if (!this.up) throw new ServiceError('KAFKA_UNAVAILABLE', 'no broker answers');
  }

  async validateJob(): Promise<void> {}

  async createJobTopics({ data }: JobTopics): Promise<boolean> {
    if (!this.up) throw Object.assign(new Error('connection refused'), { syscall: 'connect' });
    this.topics.add(data);
    return true;
  }

  async deleteJobTopics({ data }: JobTopics): Promise<void> {
    this.topics.delete(data);
  }

  async ensureJobsTopic(): Promise<void> {
    throw new Error('there is no broker');
  }

  async close(): Promise<void> {}
}

const claimedPrefix = {
  claimed: Promise.resolve(),
  async check(): Promise<void> {
    throw new Error('there is no broker');
  },
  async require(): Promise<void> {},
  async firstAnswer(): Promise<void> {},
};

/** Runners that never get to work: jobs stay PENDING. */
class IdleRunners {
  readonly running = new Map<string, number>();
  start(): void {}
  onFree(): void {}
  free(): number {
    return 0;
  }
  cancel(): void {}
  async stop(): Promise<void> {}
}

export interface TestApp {
  readonly url: string;
  readonly port: number;
  readonly kafka: KafkaAtHand;
  readonly routes: RouteTable;
  readonly app: NestFastifyApplication;
  /** The names of the files in the spool. */
  spooled(): Promise<string[]>;
  createModel(id: string): Promise<void>;
  close(): Promise<void>;
}

/** The whole application on a port of the system's choice, with a real database, but no broker, no runners and no processes of sinks. */
export async function startTestApp(
  env: Record<string, string> = {},
  log = createLog(env['LOG_LEVEL'] ?? 'silent'),
): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'batch-http-'));
  const config = loadConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: dataDir,
    MIN_FREE_BYTES: '0',
    KAFKA_BROKERS: '127.0.0.1:1',
    ...env,
  });
  const kafka = new KafkaAtHand();
  const { allowedHosts, allowedOrigins, uploadPace: pace, auth, rateLimits } = config;
  const metrics = new Metrics({ version: 'test', role: 'all' });
  const { adapter, routes, handleError } = createHttpServer({
    allowedHosts,
    allowedOrigins,
    pace,
    log,
    metrics,
    tracing: NO_TRACING,
  });
  const module = await Test.createTestingModule({ imports: [AppModule.of(config, log, metrics, NO_TRACING)] })
    .overrideProvider(KafkaProbe)
    .useValue(kafka)
    .overrideProvider(TopicAdmin)
    .useValue(kafka)
    .overrideProvider(ClusterProbe)
    .useValue(new ClusterProbe(() => Promise.reject(new Error('there is no broker'))))
    .overrideProvider(PrefixOwnership)
    .useValue(claimedPrefix)
    .overrideProvider(RunnerPool)
    .useValue(new IdleRunners())
    .overrideProvider(SinkWorkers)
    .useValue(new SinkWorkers([], { onWake: () => undefined }, pino({ level: 'silent' })))
    .compile();
  const app = module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false, logger: false });
  configureApp(app, handleError, { hasDocs: true, auth, rateLimits, allowedOrigins, log });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    kafka,
    routes,
    app,
    spooled: () => readdir(join(dataDir, 'spool')),
    async createModel(id) {
      const response = await fetch(`${url}/models`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id, name: id, schema: { id: 'String', qty: 'Int32' } }),
      });
      expect(response.status).toBe(201);
    },
    async close() {
      app.getHttpServer().closeAllConnections();
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
