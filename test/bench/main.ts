import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Api } from '../kit/api.js';
import { startBroker } from '../kit/kafka-broker.js';
import { startService } from '../kit/service.js';
import { runBaseline } from './baseline.js';
import { watchRss } from './process-watch.js';
import { median, quantile } from './statistics.js';
import { TAXI_SCHEMA, writeTaxiFile } from './taxi.js';

/**
 * `npm run bench`: the figures of bench/RESULTS.md, on this machine, against its own Apache Kafka.
 * Speeds are medians of runs interleaved with the baseline's; memory is the peak over all of them.
 */

const MB = 1e6;
const SMALL_BYTES = 100_000;
const SMALL_JOBS = 50;
const LARGE_BYTES = 200 * MB;
const MEDIUM_BYTES = 50 * MB;
const BASELINE_BYTES = 20 * MB;
const ROUNDS = 3;
const STARTS = 7;

const folder = mkdtempSync(join(tmpdir(), 'batch-bench-'));
const lines: string[] = [];

function say(line: string): void {
  lines.push(line);
  process.stdout.write(`${line}\n`);
}

const broker = await startBroker();
try {
  await measure();
  mkdirSync('bench', { recursive: true });
  writeFileSync('bench/RESULTS.md', `${lines.join('\n')}\n`);
} finally {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
  say('# Figures');
  say('');
  say(`\`npm run bench\`, ${new Date().toISOString().slice(0, 10)}, batch ${version}, Node ${process.version},`);
  say(`Apache Kafka 4.3.1, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, broker on the same machine,`);
  say(`load average at the start ${loadavg()[0]?.toFixed(2)}.`);
  say('');
  await measureStarts();
  const service = await startService({ brokers: broker.brokers });
  try {
    const api = new Api(service.url);
    await api.createModel('taxi', TAXI_SCHEMA);
    await measureSmallJobs(api);
    const watch = watchRss(service);
    const large = join(folder, 'large.csv');
    const rows = writeTaxiFile(large, LARGE_BYTES);
    const medium = join(folder, 'medium.csv');
    writeTaxiFile(medium, MEDIUM_BYTES);
    const small = join(folder, 'baseline.csv');
    writeTaxiFile(small, BASELINE_BYTES);
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await speed(api, large, rows));
      theirs.push(BASELINE_BYTES / MB / (await runBaseline(broker.brokers, small, `baseline-${round}`)));
    }
    const { api: apiRss, runner: runnerRss } = watch.stop();
    const mediumWatch = watchRss(service);
    await speed(api, medium);
    const mediumRss = mediumWatch.stop();
    const ratios = ours.map((value, index) => value / (theirs[index] ?? Number.NaN));
    say('');
    say(`## A ${LARGE_BYTES / MB} MB CSV of 19 typed columns (${rows} rows), median of ${ROUNDS}`);
    say('');
    say('| | MB/s of CSV | ratio |');
    say('|---|---|---|');
    say(
      `| RUNNING → SUCCESS, every column validated, exactly once | ${median(ours).toFixed(1)} | ${median(ratios).toFixed(1)} |`,
    );
    say(`| csv-parse + kafkajs \`producer.send\` of 1000, neither | ${median(theirs).toFixed(1)} | 1 |`);
    say('');
    say(`Peak resident memory: API ${mb(apiRss)}, runner ${mb(runnerRss)};`);
    say(
      `with a ${MEDIUM_BYTES / MB} MB file in the same processes: API ${mb(mediumRss.api)}, runner ${mb(mediumRss.runner)}.`,
    );
  } finally {
    await service.stop();
  }
}

/** MB/s from RUNNING to SUCCESS by the job's own timings. */
async function speed(api: Api, path: string, rows?: number): Promise<number> {
  const job = await api.ended((await api.createJob('taxi', path)).job_id, 600_000);
  if (job.state !== 'SUCCESS' || (rows !== undefined && job.totals.ok !== rows)) {
    throw new Error(`the job did not deliver all rows: ${JSON.stringify(job)}`);
  }
  return job.size_bytes / MB / (job.timings.processing_ms / 1000);
}

async function measureSmallJobs(api: Api): Promise<void> {
  const path = join(folder, 'small.csv');
  writeTaxiFile(path, SMALL_BYTES);
  const csv = readFileSync(path);
  const times: number[] = [];
  for (let i = -5; i < SMALL_JOBS; i++) {
    const started = performance.now();
    const { job_id } = await api.createJob('taxi', csv);
    const job = await api.ended(job_id, 60_000);
    if (job.state !== 'SUCCESS') throw new Error(`the job ended ${JSON.stringify(job)}`);
    if (i >= 0) times.push(performance.now() - started);
  }
  say('');
  say(`## A ${SMALL_BYTES / 1000} kB CSV from POST to readable rows, ${SMALL_JOBS} jobs one after the other`);
  say('');
  say(`p50 ${median(times).toFixed(0)} ms, p95 ${quantile(times, 0.95).toFixed(0)} ms (polled every 5 ms)`);
}

async function measureStarts(): Promise<void> {
  const service: number[] = [];
  const help: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    let started = performance.now();
    const running = await startService({ brokers: broker.brokers });
    service.push(performance.now() - started);
    await running.stop();
    started = performance.now();
    await promisify(execFile)(process.execPath, [resolve('bin/batch'), '--help']);
    help.push(performance.now() - started);
  }
  say(`## Start-up, median of ${STARTS}`);
  say('');
  say(`service until it listens ${median(service).toFixed(0)} ms, \`batch --help\` ${median(help).toFixed(0)} ms`);
}

function mb(bytes: number): string {
  return `${(bytes / MB).toFixed(0)} MB`;
}
