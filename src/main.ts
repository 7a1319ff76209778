import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { type Config, loadConfig } from './config/index.js';
import { configureApp, createHttpServer, NestLog } from './http/index.js';
import { createLog } from './logging/index.js';
import { explainStartFailure } from './start-failure.js';

/** How long requests that are being answered may take after a signal. */
const REQUEST_GRACE_MS = 3_000;
/** Whatever hangs then does not keep the process. */
const EXIT_MS = 9_500;

async function start(config: Config, log: Logger): Promise<void> {
  const { adapter, answerError } = createHttpServer({
    allowedHosts: servedNames(config),
    idleMs: config.uploadIdleMs,
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

function readConfig(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    return fail((error as Error).message);
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** kafkajs 2.2.4 computes a timeout below zero on Node 24, which is harmless; every other warning is logged. */
function logWarnings(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'TimeoutNegativeWarning') log.warn({ err: warning }, 'process warning');
  });
}

const config = readConfig();
const log = createLog(config.logLevel);
logWarnings(log);
start(config, log).catch((error: unknown) => {
  fail(explainStartFailure(error, config) ?? (error instanceof Error ? String(error.stack) : String(error)));
});
