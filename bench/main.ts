import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../test/kit/kafka-broker.js';
import { Bench, diskNeeded } from './bench.js';
import { checkDisk, describeMachine } from './machine.js';
import { type Part, readOptions } from './options.js';
import { measureAgainst } from './parts/against.js';
import { measureClaims } from './parts/claims.js';
import { measureDialects } from './parts/dialects.js';
import { measureFeeds } from './parts/feeds.js';
import { measureFormats } from './parts/formats.js';
import { measureOptions } from './parts/job-options.js';
import { measureKernel } from './parts/kernel-alone.js';
import { measureLatency } from './parts/latency.js';
import { measureObservability } from './parts/observability.js';
import { measureRejects } from './parts/rejects.js';
import { measureSinks } from './parts/sinks.js';
import { measureSources } from './parts/sources.js';
import { measureSpeed } from './parts/speed.js';
import { measureStarts } from './parts/starts.js';
import { measureWorkers } from './parts/workers.js';
import { Report } from './report.js';

/** `npm run bench`, behind scripts/bench.sh: measures, prints, and writes bench/RESULTS.md where all was measured. */

const MEASURES: Record<Part, (bench: Bench) => Promise<void>> = {
  starts: measureStarts,
  kernel: measureKernel,
  dialects: measureDialects,
  latency: measureLatency,
  speed: measureSpeed,
  rejects: measureRejects,
  observability: measureObservability,
  options: measureOptions,
  formats: measureFormats,
  claims: measureClaims,
  workers: measureWorkers,
  sinks: measureSinks,
  sources: measureSources,
  feeds: measureFeeds,
};
/** The broker keeps the files of deleted topics for a minute otherwise, and with them the memory they lie in. */
const BROKER_SETTINGS = 'log.segment.delete.delay.ms=500\n';

const { parts, compared, rounds, quick, isComparison, isWhole } = readOptions(process.argv.slice(2));
checkDisk(tmpdir(), diskNeeded(quick));
const folder = mkdtempSync(join(tmpdir(), 'batch-bench-'));
// Broker, services and programs make their folders in it, so that all goes with it, after an interruption too.
process.env['TMPDIR'] = folder;
const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

process.once('exit', removeFolder);
const report = new Report();
try {
  report.text(...describeMachine(rounds));
  const properties = join(folder, 'broker.properties');
  writeFileSync(properties, BROKER_SETTINGS);
  const broker = await startBroker({ properties });
  process.once('exit', removeFolder); // once more: the broker itself ends at exit, but after the first of these
  try {
    const bench = new Bench({ broker, folder, rounds, quick, report });
    if (isComparison) await measureAgainst(bench, process.env['BENCH_AGAINST'] ?? '', compared);
    else for (const part of parts) await MEASURES[part](bench);
  } finally {
    await broker.stop();
  }
} finally {
  removeFolder();
}
if (isWhole) {
  mkdirSync('bench', { recursive: true });
  writeFileSync('bench/RESULTS.md', report.markdown());
}
