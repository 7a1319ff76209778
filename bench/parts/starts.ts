import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { median } from '../statistics.js';

/** How long the service takes until it listens, and the command line until it has said how it is used. */
export async function measureStarts({ broker, scale, report }: Bench): Promise<void> {
  const service: number[] = [];
  const help: number[] = [];
  for (let i = 0; i < scale.starts; i++) {
    const started = performance.now();
    const running = await startService({ brokers: broker.brokers });
    service.push(performance.now() - started);
    await running.stop();
    const asked = performance.now();
    await promisify(execFile)(process.execPath, [resolve('bin/batch'), '--help']);
    help.push(performance.now() - asked);
  }
  report.table(`Start-up, median of ${scale.starts}`, [
    { what: 'service until it listens', figure: `${median(service).toFixed(0)} ms` },
    { what: '`batch --help`', figure: `${median(help).toFixed(0)} ms` },
  ]);
}
