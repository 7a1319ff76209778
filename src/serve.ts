import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
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
  configureApp(app, handleError, { hasDocs: config.role !== 'worker', auth: config.auth, log });
  const stop = stopper(app, log);
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

/** Takes no more requests, lets runners finish their transaction, and ends the process within 10 s. */
function stopper(app: NestFastifyApplication, log: Logger): (status: number, signal?: NodeJS.Signals) => void {
  let stopping = false;
  return (status, signal) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    const server = app.getHttpServer();
    server.close();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), REQUEST_GRACE_MS).unref();
    setTimeout(() => {
      log.error('stopping took too long');
      process.exit(1);
    }, EXIT_MS).unref();
    app.close().then(
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
