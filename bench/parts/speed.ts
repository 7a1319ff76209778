import { Api } from '../../test/kit/api.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { ceiling } from '../contenders/ceiling.js';
import { csvParseKafkajs } from '../contenders/csv-parse-kafkajs.js';
import { type DeliveryRun, job } from '../contenders/job.js';
import { findKcat, kcat } from '../contenders/kcat.js';
import { perfTest } from '../contenders/perf-test.js';
import { INPUT_NAMES, type Input, type InputName, MiB, SCHEMAS } from '../inputs.js';
import { atLeast, atMost, type Row } from '../report.js';
import {
  brokerCpuPerGb,
  cpuPerGb,
  interleave,
  mbPerSecond,
  medianOf,
  medianRatio,
  type Run,
  type Timed,
} from '../runs.js';

const CEILING_SHARE = { taxi: 0.9, quoted: 0.9, narrow: 0.8 };
const RUNNER_CPU_PER_GB: Partial<Record<InputName, number>> = { taxi: 2.0, quoted: 1.8 };
const MEMORY_MB = 150;
/** The peak with the large file over the peak with the small one. */
const FLAT = 1.15;
/** The input of this program: it would need minutes for the large one, at less than 30 MB/s. */
const SLOW_PERF_TEST: InputName = 'narrow';

/** Our jobs against the ceiling and the rivals, on each input; then what they took of the machine. */
export async function measureSpeed(bench: Bench): Promise<void> {
  const { broker, scale } = bench;
  const service = await startService({ brokers: broker.brokers });
  try {
    const api = new Api(service.url);
    const memory: Row[] = [];
    for (const name of INPUT_NAMES) await api.createModel(name, SCHEMAS[name]);
    const small = await smallJobs(bench, service);
    for (const name of INPUT_NAMES) {
      const input = bench.input(name, scale.largeBytes);
      const jobs = await measureInput(bench, service, input);
      memory.push(...memoryRows(name, small[name], jobs));
    }
    const sizes = `${mebibytes(scale.smallBytes)} and ${mebibytes(scale.largeBytes)} MiB`;
    bench.report.table(`Peak of resident memory, with files of ${sizes}`, memory);
  } finally {
    await service.stop();
  }
}

/** A job of each input's small file, before the service has seen a large one; the first of two warms the runners. */
async function smallJobs(bench: Bench, service: Service): Promise<Record<InputName, DeliveryRun>> {
  const jobs: Partial<Record<InputName, DeliveryRun>> = {};
  for (const name of [...INPUT_NAMES, ...INPUT_NAMES]) {
    jobs[name] = await job(service, bench.input(name, bench.scale.smallBytes)).run();
  }
  return jobs as Record<InputName, DeliveryRun>;
}

async function measureInput(bench: Bench, service: Service, input: Input): Promise<Timed<DeliveryRun>[]> {
  const { broker, report, rounds } = bench;
  const { name } = input;
  const small = bench.input(name, bench.scale.smallBytes);
  const command = findKcat();
  const runs = await interleave(bench, {
    ours: job(service, input),
    ceiling: ceiling(broker, input),
    perfTest: perfTest(broker, name === SLOW_PERF_TEST ? small : input),
    kcat: command === undefined ? null : kcat(command, broker, input),
    csvParse: csvParseKafkajs(broker, small),
  });
  const { ours } = runs;
  const title = `${name}: ${input.columns} columns, ${input.recordBytes} B a row, ${mebibytes(input.bytes)} MiB, median of ${rounds}`;
  report.table(title, [
    oursRow(name, ours, runs.ceiling),
    speedRow('ceiling: ready batches through our writer, nothing to parse', runs.ceiling),
    ...rivalRows('kafka-producer-perf-test, acks=all, batches of 1 MB', ours, runs.perfTest, 3),
    ...kcatRows(ours, runs.kcat),
    ...rivalRows('csv-parse + kafkajs `producer.send` of 1000', ours, runs.csvParse, 50),
    ...costRows(name, ours),
  ]);
  return ours;
}

function oursRow(name: InputName, ours: Timed<DeliveryRun>[], ceilings: Timed[]): Row {
  const share = medianRatio(ours, ceilings, { ours: mbPerSecond, theirs: mbPerSecond });
  return {
    ...speedRow('a job, RUNNING → SUCCESS, every column validated, exactly once', ours),
    ratio: `${share.toFixed(2)} × the ceiling`,
    aim: atLeast(share, CEILING_SHARE[name], '× the ceiling'),
  };
}

function rivalRows(what: string, ours: Timed<DeliveryRun>[], theirs: Timed[], times: number): Row[] {
  const ratio = medianRatio(ours, theirs, { ours: mbPerSecond, theirs: mbPerSecond });
  return [{ ...speedRow(what, theirs), ratio: `we: ${ratio.toFixed(1)} ×`, aim: atLeast(ratio, times, '×') }];
}

function kcatRows(ours: Timed<DeliveryRun>[], theirs: Timed[]): Row[] {
  if (theirs.length === 0) return [{ what: 'kcat -P -l', figure: 'skipped: kcat is not installed' }];
  const share = medianRatio(ours, theirs, { ours: cpuPerGb, theirs: cpuPerGb });
  return [
    ...rivalRows('kcat -P -l, raw lines', ours, theirs, 1.8),
    {
      what: 'kcat’s CPU, and the share of it that our runner takes',
      figure: `${medianOf(theirs, cpuPerGb).toFixed(2)} CPU-s per GB`,
      ratio: `we: ${share.toFixed(2)} ×`,
      aim: atMost(share, 0.5, '×'),
    },
  ];
}

function costRows(name: InputName, ours: Timed<DeliveryRun>[]): Row[] {
  const cpu = medianOf(ours, cpuPerGb);
  const limit = RUNNER_CPU_PER_GB[name];
  const uploadCpu = medianOf(ours, ({ bytes, uploadCpuSeconds }) => cpuPerGb({ bytes, cpuSeconds: uploadCpuSeconds }));
  const restCpu = medianOf(ours, ({ bytes, usage, uploadCpuSeconds }) =>
    cpuPerGb({ bytes, cpuSeconds: usage.apiCpu - uploadCpuSeconds }),
  );
  const upload = medianOf(ours, ({ bytes, uploadSeconds }) => mbPerSecond({ bytes, seconds: uploadSeconds }));
  const whole = medianOf(ours, ({ bytes, wholeSeconds }) => mbPerSecond({ bytes, seconds: wholeSeconds }));
  return [
    {
      what: 'CPU of the runner',
      figure: `${cpu.toFixed(2)} CPU-s per GB`,
      ...(limit === undefined ? {} : { aim: atMost(cpu, limit, 'CPU-s per GB') }),
    },
    {
      what: 'CPU of the API, for the upload and after it',
      figure: `${uploadCpu.toFixed(2)} and ${restCpu.toFixed(2)} CPU-s per GB`,
    },
    { what: 'upload by the SDK, POST → 202', figure: `${upload.toFixed(0)} MB/s`, aim: atLeast(upload, 250, 'MB/s') },
    { what: 'whole, POST → SUCCESS', figure: `${whole.toFixed(0)} MB/s` },
  ];
}

function memoryRows(name: InputName, small: DeliveryRun, large: DeliveryRun[]): Row[] {
  const row = (what: string, peak: (run: DeliveryRun) => number): Row => {
    const before = peak(small) / 1e6;
    const after = Math.max(...large.map(peak)) / 1e6;
    const growth = after / before;
    return {
      what: `${name}, ${what}`,
      figure: `${before.toFixed(0)} MB, ${after.toFixed(0)} MB`,
      ratio: `${growth.toFixed(2)} ×`,
      aim: { text: `≤ ${MEMORY_MB} MB, ≤ ${FLAT} ×`, isMet: after <= MEMORY_MB && growth <= FLAT },
    };
  };
  return [row('runner', ({ usage }) => usage.runnerPeak), row('API', ({ usage }) => usage.apiPeak)];
}

/** Medians of the speed, and of what the broker took meanwhile. */
function speedRow(what: string, runs: Timed<Run>[]): Row {
  const broker = medianOf(runs, brokerCpuPerGb).toFixed(1);
  return { what, figure: `${medianOf(runs, mbPerSecond).toFixed(1)} MB/s (broker ${broker} CPU-s per GB)` };
}

function mebibytes(bytes: number): string {
  return (bytes / MiB).toFixed(0);
}
