import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../../test/kit/api.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { type DeliveryRun, job } from '../contenders/job.js';
import { INPUT_NAMES, SCHEMAS } from '../inputs.js';
import type { ComparedPart } from '../options.js';
import type { Row } from '../report.js';
import { cpuPerGb, inTurn, interleave, mbPerSecond, medianOf, medianRatio, type Timed } from '../runs.js';
import { median, quantile } from '../statistics.js';
import { writeTaxiFile } from '../taxi.js';

const SMALL_BYTES = 100_000;
/** Clients that send files of one row, one after the other, while /healthz is asked. */
const CLIENTS = 8;
const ONE_ROW = Buffer.from('id\n1\n');
const ASKED_EVERY_MS = 10;

/**
 * This tree and another build, in turn on the same broker: jobs of each input, small jobs, start-up. A ratio above 1 means
 * that this tree is better.
 */
export async function measureAgainst(bench: Bench, folder: string, parts: readonly ComparedPart[]): Promise<void> {
  const name = basename(folder).slice(0, 7);
  const entry = join(folder, 'dist/main.js');
  if (parts.includes('starts')) await compareStarts(bench, name, entry);
  const [ours, theirs] = [
    await startService({ brokers: bench.broker.brokers }),
    await startService({ brokers: bench.broker.brokers, entry }),
  ];
  try {
    for (const { url } of [ours, theirs]) {
      for (const input of INPUT_NAMES) await new Api(url).createModel(input, SCHEMAS[input]);
    }
    if (parts.includes('latency')) await compareLatency(bench, name, ours, theirs);
    if (parts.includes('health')) await compareHealth(bench, name, ours, theirs);
    if (!parts.includes('jobs')) return;
    for (const input of INPUT_NAMES) await compareJobs(bench, name, input, ours, theirs);
  } finally {
    await ours.stop();
    await theirs.stop();
  }
}

async function compareJobs(
  bench: Bench,
  name: string,
  inputName: (typeof INPUT_NAMES)[number],
  oursService: Service,
  theirsService: Service,
): Promise<void> {
  const input = bench.input(inputName, bench.scale.mediumBytes);
  // The first job of each warms its runners.
  for (const service of [oursService, theirsService]) await job(service, input).run();
  const { ours, theirs } = await interleave(bench, {
    ours: job(oursService, input, {}, 'this tree'),
    theirs: job(theirsService, input, {}, name),
  });
  const row = (what: string, unit: string, figure: (run: Timed<DeliveryRun>) => number, moreIsBetter: boolean): Row => {
    const ratio = medianRatio(ours, theirs, { ours: figure, theirs: figure });
    return {
      what,
      figure: `${medianOf(ours, figure).toFixed(2)}, ${name}: ${medianOf(theirs, figure).toFixed(2)} ${unit}`,
      ratio: `${(moreIsBetter ? ratio : 1 / ratio).toFixed(2)} ×`,
    };
  };
  bench.report.table(`${inputName}, ${(input.bytes / 1e6).toFixed(0)} MB, against ${name}, median of ${bench.rounds}`, [
    row('a job, RUNNING → SUCCESS', 'MB/s', mbPerSecond, true),
    row('upload, POST → 202', 'MB/s', ({ bytes, uploadSeconds: seconds }) => mbPerSecond({ bytes, seconds }), true),
    row('CPU of the runner', 'CPU-s per GB', cpuPerGb, false),
    row('CPU of the API', 'CPU-s per GB', ({ bytes, usage }) => cpuPerGb({ bytes, cpuSeconds: usage.apiCpu }), false),
    row('peak memory of the runner', 'MB', ({ usage }) => usage.runnerPeak / 1e6, false),
    row('peak memory of the API', 'MB', ({ usage }) => usage.apiPeak / 1e6, false),
  ]);
}

async function compareLatency(bench: Bench, name: string, ours: Service, theirs: Service): Promise<void> {
  const path = join(bench.folder, 'small.csv');
  writeTaxiFile(path, SMALL_BYTES);
  const csv = readFileSync(path);
  const times = new Map<Service, number[]>([
    [ours, []],
    [theirs, []],
  ]);
  for (let round = -5; round < bench.scale.smallJobs; round++) {
    for (const [service, taken] of inTurn(times, round)) {
      const api = new Api(service.url);
      const started = performance.now();
      const { job_id } = await api.createJob('taxi', csv);
      const { state } = await api.ended(job_id);
      if (state !== 'SUCCESS') throw new Error(`a small job ended ${state}`);
      if (round >= 0) taken.push(performance.now() - started);
    }
  }
  const [a, b] = [times.get(ours) ?? [], times.get(theirs) ?? []];
  bench.report.table(`A job of 100 kB from POST to SUCCESS, against ${name}, ${a.length} each`, [
    quantiles('p50', a, b, 0.5, name),
    quantiles('p95', a, b, 0.95, name),
  ]);
}

interface Health {
  /** How long each look took, in ms. */
  times: number[];
  /** Jobs that were taken in a second, in each round. */
  jobsPerSecond: number[];
}

/** How long GET /healthz takes while many jobs of one row come: what holds the event loop holds it, too. */
async function compareHealth(bench: Bench, name: string, ours: Service, theirs: Service): Promise<void> {
  const of = new Map<Service, Health>([
    [ours, { times: [], jobsPerSecond: [] }],
    [theirs, { times: [], jobsPerSecond: [] }],
  ]);
  for (const { url } of of.keys()) await new Api(url).createModel('one', { id: 'Int32' });
  for (let round = 0; round < bench.rounds; round++) {
    for (const [service, health] of inTurn(of, round)) await lookBesideJobs(service, bench.scale.healthMs, health);
  }
  const [a, b] = [of.get(ours), of.get(theirs)] as [Health, Health];
  const [x, y] = [median(a.jobsPerSecond), median(b.jobsPerSecond)];
  bench.report.table(`GET /healthz while ${CLIENTS} clients send files of one row, against ${name}`, [
    quantiles('p50', a.times, b.times, 0.5, name),
    quantiles('p99', a.times, b.times, 0.99, name),
    {
      what: 'jobs that are taken meanwhile',
      figure: `${x.toFixed(1)}, ${name}: ${y.toFixed(1)} a second`,
      ratio: `${(x / y).toFixed(2)} ×`,
    },
  ]);
}

async function lookBesideJobs(service: Service, forMs: number, { times, jobsPerSecond }: Health): Promise<void> {
  const api = new Api(service.url);
  const end = performance.now() + forMs;
  const jobs: string[] = [];
  const send = async (): Promise<void> => {
    while (performance.now() < end) jobs.push((await api.createJob('one', ONE_ROW)).job_id);
  };
  const ask = async (): Promise<void> => {
    for (; performance.now() < end; await sleep(ASKED_EVERY_MS)) {
      const started = performance.now();
      await (await fetch(`${service.url}/healthz`)).text();
      times.push(performance.now() - started);
    }
  };
  await Promise.all([...Array.from({ length: CLIENTS }, send), ask()]);
  jobsPerSecond.push(jobs.length / (forMs / 1000));
  for (const jobId of jobs) await api.ended(jobId);
}

function quantiles(what: string, ours: readonly number[], theirs: readonly number[], q: number, name: string): Row {
  const [a, b] = [quantile(ours, q), quantile(theirs, q)];
  return { what, figure: `${a.toFixed(0)}, ${name}: ${b.toFixed(0)} ms`, ratio: `${(b / a).toFixed(2)} ×` };
}

async function compareStarts(bench: Bench, name: string, entry: string): Promise<void> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  const start = async (taken: number[], options: { entry?: string }): Promise<void> => {
    const started = performance.now();
    const service = await startService({ brokers: bench.broker.brokers, ...options });
    taken.push(performance.now() - started);
    await service.stop();
  };
  for (let i = 0; i < bench.scale.starts; i++) {
    await start(ours, {});
    await start(theirs, { entry });
  }
  const [a, b] = [median(ours), median(theirs)];
  bench.report.table(`Start-up, against ${name}, median of ${bench.scale.starts}`, [
    {
      what: 'service until it listens',
      figure: `${a.toFixed(0)}, ${name}: ${b.toFixed(0)} ms`,
      ratio: `${(b / a).toFixed(2)} ×`,
    },
  ]);
}
