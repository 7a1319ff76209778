import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import type { Config } from './config/index.js';
import { configureApp, createHttpServer, NestLog } from './http/index.js';

/** How long requests that are being answered may take after a signal. */
const REQUEST_GRACE_MS = 3_000;
/** Whatever hangs then does not keep the process. */
const EXIT_MS = 9_500;

/** Starts the service. Throws what keeps it from starting. */
export async function serve(config: Config, log: Logger): Promise<void> {
  await tryAddress(config);
  const { adapter, answerError } = createHttpServer({
    allowedHosts: servedNames(config),
    pace: config.uploadPace,
    log,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config, log), adapter, {
    abortOnError: false,
    bodyParser: false,
    logger: new NestLog(log),
  });
  configureApp(app, answerError);
  stopOnSignal(app, log);
  await app.listen({ port: config.port, host: config.host });
  log.info({ url: urlOf(app), data_dir: config.dataDir, kafka: config.kafka.brokers }, 'listening');
}

/** Fails as listening would, before any work has begun. */
async function tryAddress({ host, port }: Config): Promise<void> {
  const server = createServer();
  server.listen({ host, port });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

/** SIGTERM or SIGINT: takes no more requests, lets runners finish their transaction, and is gone within 10 s. */
function stopOnSignal(app: NestFastifyApplication, log: Logger): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
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
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
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
