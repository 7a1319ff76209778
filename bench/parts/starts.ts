import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { residentBytes } from '../../src/runner/resident-memory.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { median } from '../statistics.js';

/** Nobody listens there: what loading the packages and holding the queue costs does not depend on who takes the spans. */
const TRACES = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };

interface Start {
  ms: number;
  bytes: number;
}

/**
 * How long the service takes until it listens, and what its process then takes of memory, without traces and with them, in turn;
 * and how long the command line takes until it has said how it is used.
 */
export async function measureStarts({ broker, scale, report }: Bench): Promise<void> {
  const plain: Start[] = [];
  const traced: Start[] = [];
  const help: number[] = [];
  for (let i = 0; i < scale.starts; i++) {
    plain.push(await start(broker.brokers, {}));
    traced.push(await start(broker.brokers, TRACES));
    const asked = performance.now();
    await promisify(execFile)(process.execPath, [resolve('bin/batch'), '--help']);
    help.push(performance.now() - asked);
  }
  const time = (starts: Start[]): string => `${median(starts.map(({ ms }) => ms)).toFixed(0)} ms`;
  const memory = (starts: Start[]): string => `${(median(starts.map(({ bytes }) => bytes)) / 1e6).toFixed(0)} MB`;
  report.table(`Start-up, median of ${scale.starts}`, [
    { what: 'service until it listens', figure: time(plain) },
    { what: 'the same with traces', figure: time(traced) },
    { what: 'its resident memory then, without the runners', figure: memory(plain) },
    { what: 'the same with traces', figure: memory(traced) },
    { what: '`batch --help`', figure: `${median(help).toFixed(0)} ms` },
  ]);
}

async function start(brokers: string, env: Record<string, string>): Promise<Start> {
  const started = performance.now();
  const service: Service = await startService({ brokers, env });
  try {
    const ms = performance.now() - started;
    // Once it is ready, what a start does beside listening has been done.
    await fetch(`${service.url}/readyz`);
    return { ms, bytes: await residentBytes(service.pid) };
  } finally {
    await service.stop();
  }
}
