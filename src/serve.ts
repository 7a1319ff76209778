import 'reflect-metadata';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { HealthDetails } from './api/health/index.js';
import { configureApp, createHttpServer, NestLog } from './api/index.js';
import { AppModule } from './app.module.js';
import { ApiKeyStore } from './auth/index.js';
import { type Config, isLoopback } from './config/index.js';
import type { SqliteThread } from './database/sqlite/index.js';
import { PrefixOwnership } from './jobs/index.js';
import { Metrics } from './observability/metrics/index.js';
import { openTracing } from './observability/tracing/index.js';
import { StartupError } from './startup-errors.js';
import { version } from './version.js';

/** How long requests that are being answered may take after a signal. */
const REQUEST_GRACE_MS = 3_000;
/** Whatever hangs then does not keep the process. */
const EXIT_MS = 9_500;

/** Starts the service. `sqlite`: its database, if that is SQLite. Throws what keeps it from starting. */
export async function serve(config: Config, log: Logger, sqlite: SqliteThread | undefined): Promise<void> {
  const metrics = new Metrics({ version, role: config.role });
  metrics.observeProcess();
  const tracing = await openTracing(config.tracing, { version, role: config.role }, log);
  const { adapter, handleError } = createHttpServer({
    allowedHosts: servedNames(config),
    allowedOrigins: config.allowedOrigins,
    pace: config.uploadPace,
    log,
    metrics,
    tracing,
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(config, log, metrics, tracing, sqlite),
    adapter,
    {
      abortOnError: false,
      bodyParser: false,
      logger: new NestLog(log),
    },
  );
  await checkAuth(config, app.get(ApiKeyStore, { strict: false }), log);
  const { auth, rateLimits, allowedOrigins } = config;
  configureApp(app, handleError, { hasDocs: config.role !== 'worker', auth, rateLimits, allowedOrigins, log });
  const stop = stopper(app, log, config.drainMs);
  stopOnSignal(stop);
  await app.listen({ port: config.port, host: config.host });
  log.info({ role: config.role, url: urlOf(app), data_dir: config.dataDir, kafka: config.kafka.brokers }, 'listening');
  void app.get(PrefixOwnership, { strict: false }).refused.then((error) => {
    log.fatal(error.message);
    process.stderr.write(`${error.message}\n`);
    stop(1);
  });
}

/** Says who may do what if that is everybody. Throws if nobody could make a request. A worker takes none but those of probes and Prometheus. */
async function checkAuth({ auth, host, role }: Config, keys: ApiKeyStore, log: Logger): Promise<void> {
  if (auth === 'none' && !isLoopback(host)) {
    log.warn({ host }, 'AUTH=none: whoever can reach this address may use the service, without a key');
  }
  if (auth === 'none' || role === 'worker' || (await keys.hasAny())) return;
  throw new StartupError(
    `Requests need an API key (${isLoopback(host) ? 'AUTH=keys' : `HOST=${host}`}), and there is none yet. ` +
      'Create the first one with the same settings: `node dist/main.js key create NAME`. ' +
      'Or set AUTH=none if whoever can reach the service may use it.',
  );
}

/**
 * Takes no more requests, lets runners finish their transaction, and ends the process within 10 s. Before that, for
 * `drainMs`, it answers all that comes, but for /readyz, and leaves each connection with the answer: whoever is before
 * several APIs sends the next requests to another one.
 */
function stopper(
  app: NestFastifyApplication,
  log: Logger,
  drainMs: number,
): (status: number, signal?: NodeJS.Signals) => void {
  let stopping = false;
  return (status, signal) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal, drain_ms: drainMs }, 'stopping');
    setTimeout(() => {
      log.error('stopping took too long');
      process.exit(1);
    }, drainMs + EXIT_MS).unref();
    drain(app, drainMs)
      .then(() => close(app))
      .then(
        () => {
          log.info('stopped');
          process.exit(status);
        },
        (error: unknown) => {
          log.error({ err: error }, 'stopping failed');
          process.exit(1);
        },
      );
  };
}

async function drain(app: NestFastifyApplication, ms: number): Promise<void> {
  if (ms === 0) return;
  app.get(HealthDetails, { strict: false }).addNeed('stopping', () => 'the process is shutting down');
  app.getHttpServer().prependListener('request', (_request: unknown, response: ServerResponse) => {
    response.setHeader('connection', 'close');
  });
  await sleep(ms);
}

async function close(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpServer();
  server.close();
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), REQUEST_GRACE_MS).unref();
  await app.close();
}

function stopOnSignal(stop: ReturnType<typeof stopper>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(0, signal));
}

/** The address that was asked for is served by its own name, unless it stands for all of them. */
function servedNames({ host, allowedHosts }: Config): string[] {
  return ['0.0.0.0', '::'].includes(host) ? [...allowedHosts] : [...allowedHosts, host.toLowerCase()];
}

function urlOf(app: NestFastifyApplication): string {
  const address: unknown = app.getHttpServer().address();
  if (typeof address !== 'object' || address === null || !('port' in address) || !('address' in address)) return '';
  const host = String(address.address);
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${String(address.port)}`;
}
