import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Api } from '../../test/kit/api.js';
import { hasS3, type S3Server, startS3 } from '../../test/kit/s3.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { type DeliveryRun, job } from '../contenders/job.js';
import { type Input, type InputName, MiB, SCHEMAS } from '../inputs.js';
import { atLeast, type Row } from '../report.js';
import { type Contender, cpuPerGb, interleave, mbPerSecond, medianOf, medianRatio, type Run } from '../runs.js';
import { median } from '../statistics.js';
import { cpuSeconds } from '../usage.js';

const KINDS = ['uploaded', 'local', 's3'] as const;
type Kind = (typeof KINDS)[number];
type Runs = Readonly<Record<Kind, readonly DeliveryRun[]>>;

const NAMES: Record<Kind, string> = { uploaded: 'uploaded', local: 'from a local folder', s3: 'from S3 (versitygw)' };
const INPUT: InputName = 'taxi';
/** Speed of a job that reads its file where it lies, of that of a job whose file was uploaded. */
const AIM = 0.9;
const MEMORY_MB = 150;
/** The peak with the large file over the peak with the smaller one. */
const FLAT = 1.15;

/** A file that is read where it lies, against the same one uploaded, and against a plain read of it by the SDK of its store. */
export async function measureSources(bench: Bench): Promise<void> {
  if (!hasS3) {
    bench.report.text('## Sources', '', 'Skipped: there is no S3 server here (scripts/s3.sh).');
    return;
  }
  const server = await startS3();
  const services: Partial<Record<Kind, Service>> = {};
  try {
    const env = envOf(bench, server);
    // One for each, so that the memory that one takes does not show with the next.
    for (const kind of KINDS) {
      const service = await startService({ brokers: bench.broker.brokers, env });
      services[kind] = service;
      await new Api(service.url).createModel(INPUT, SCHEMAS[INPUT]);
    }
    await compare(bench, server, services as Record<Kind, Service>);
  } finally {
    await Promise.all(Object.values(services).map((service) => service.stop()));
    await server.stop();
  }
}

function envOf({ folder }: Bench, { bucket, endpoint, env }: S3Server): Record<string, string> {
  const connections = join(folder, 'connections.yaml');
  const options = {
    endpoint,
    access_key_id: env['AWS_ACCESS_KEY_ID'],
    secret_access_key: env['AWS_SECRET_ACCESS_KEY'],
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(connections, JSON.stringify({ [`s3://${bucket}`]: options }));
  return { SOURCES: `file:${folder},s3://${bucket}`, SOURCE_CONNECTIONS: connections };
}

async function compare(bench: Bench, server: S3Server, services: Record<Kind, Service>): Promise<void> {
  const { scale, report, rounds } = bench;
  const [smaller, large] = [bench.input(INPUT, scale.mediumBytes), bench.input(INPUT, scale.largeBytes)];
  for (const input of [smaller, large]) await put(server, input);
  const contenderOf = (kind: Kind, input: Input): Contender<DeliveryRun> =>
    job(services[kind], input, kind === 'uploaded' ? {} : { source: sourceOf(kind, server, input) }, NAMES[kind]);
  const before: Partial<Record<Kind, DeliveryRun>> = {};
  // The first of two warms the runners.
  for (const kind of [...KINDS, ...KINDS]) before[kind] = await contenderOf(kind, smaller).run();
  const served: number[] = [];
  const fromS3 = contenderOf('s3', large);
  const { plain, ...runs } = await interleave(bench, {
    uploaded: contenderOf('uploaded', large),
    local: contenderOf('local', large),
    s3: {
      ...fromS3,
      async run() {
        const before = cpuSeconds(server.pid);
        const run = await fromS3.run();
        served.push(cpuPerGb({ bytes: large.bytes, cpuSeconds: cpuSeconds(server.pid) - before }));
        return run;
      },
    },
    plain: plainStream(server, large),
  });
  const mebibytes = (large.bytes / MiB).toFixed(0);
  report.table(`A file where it lies: ${INPUT}, ${mebibytes} MiB, median of ${rounds}`, [
    ...KINDS.map((kind) => speedRow(kind, runs)),
    plainRow(plain, runs),
    ...KINDS.map((kind) => wholeRow(kind, runs)),
    ...KINDS.map((kind) => cpuRow(kind, runs)),
    { what: 'CPU of GetObject into nothing', figure: `${medianOf(plain, cpuPerGb).toFixed(2)} CPU-s per GB` },
    {
      what: 'CPU of the S3 server on the same processors, beside a job',
      figure: `${median(served).toFixed(2)} CPU-s per GB`,
    },
  ]);
  const sizes = [smaller, large].map(({ bytes }) => (bytes / MiB).toFixed(0)).join(' and ');
  report.table(
    `Peak of resident memory, with files of ${sizes} MiB`,
    KINDS.flatMap((kind) => memoryRows(kind, before[kind] as DeliveryRun, runs[kind])),
  );
}

function sourceOf(kind: Kind, { bucket }: S3Server, { path }: Input): string {
  return kind === 'local' ? pathToFileURL(path).href : `s3://${bucket}/${keyOf(path)}`;
}

function keyOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function put(server: S3Server, { path, bytes }: Input): Promise<void> {
  const client = server.client();
  const Body = createReadStream(path, { highWaterMark: MiB });
  await client.send(new PutObjectCommand({ Bucket: server.bucket, Key: keyOf(path), Body, ContentLength: bytes }));
  client.destroy();
}

/** The whole object by one request, in this process, into nothing. */
function plainStream(server: S3Server, input: Input): Contender {
  return {
    name: 'GetObject into nothing',
    input,
    async run(): Promise<Run> {
      const client = server.client();
      const cpu = cpuSeconds(process.pid);
      const started = performance.now();
      const { Body } = await client.send(new GetObjectCommand({ Bucket: server.bucket, Key: keyOf(input.path) }));
      let bytes = 0;
      for await (const chunk of Body as Readable) bytes += (chunk as Buffer).length;
      const seconds = (performance.now() - started) / 1000;
      client.destroy();
      if (bytes !== input.bytes) throw new Error(`the object has ${bytes} bytes`);
      return { bytes, seconds, cpuSeconds: cpuSeconds(process.pid) - cpu };
    },
  };
}

function speedRow(kind: Kind, runs: Runs): Row {
  const row = {
    what: `a job, ${NAMES[kind]}, RUNNING → SUCCESS`,
    figure: `${medianOf(runs[kind], mbPerSecond).toFixed(1)} MB/s`,
  };
  if (kind === 'uploaded') return row;
  const ratio = medianRatio(runs[kind], runs.uploaded, { ours: mbPerSecond, theirs: mbPerSecond });
  return { ...row, ratio: `${ratio.toFixed(2)} × uploaded`, aim: atLeast(ratio, AIM, '× uploaded') };
}

function plainRow(plain: readonly Run[], { s3 }: Runs): Row {
  const share = medianRatio(s3, plain, { ours: mbPerSecond, theirs: mbPerSecond });
  return {
    what: 'GetObject of the AWS SDK, one stream into nothing',
    figure: `${medianOf(plain, mbPerSecond).toFixed(1)} MB/s`,
    ratio: `the job from S3: ${share.toFixed(2)} ×`,
  };
}

function wholeRow(kind: Kind, runs: Runs): Row {
  const whole = ({ bytes, wholeSeconds }: DeliveryRun): number => mbPerSecond({ bytes, seconds: wholeSeconds });
  const row = {
    what: `a job, ${NAMES[kind]}, POST → SUCCESS`,
    figure: `${medianOf(runs[kind], whole).toFixed(1)} MB/s`,
  };
  if (kind === 'uploaded') return row;
  const ratio = medianRatio(runs[kind], runs.uploaded, { ours: whole, theirs: whole });
  return { ...row, ratio: `${ratio.toFixed(2)} × uploaded`, aim: atLeast(ratio, 1, '× uploaded') };
}

function cpuRow(kind: Kind, { [kind]: runs }: Runs): Row {
  const api = medianOf(runs, ({ bytes, usage }) => cpuPerGb({ bytes, cpuSeconds: usage.apiCpu }));
  return {
    what: `CPU of the runner and of the API, ${NAMES[kind]}`,
    figure: `${medianOf(runs, cpuPerGb).toFixed(2)} and ${api.toFixed(2)} CPU-s per GB`,
  };
}

function memoryRows(kind: Kind, small: DeliveryRun, large: readonly DeliveryRun[]): Row[] {
  const row = (what: string, peak: (run: DeliveryRun) => number): Row => {
    const before = peak(small) / 1e6;
    const after = Math.max(...large.map(peak)) / 1e6;
    const growth = after / before;
    return {
      what: `${what}, ${NAMES[kind]}`,
      figure: `${before.toFixed(0)} MB, ${after.toFixed(0)} MB`,
      ratio: `${growth.toFixed(2)} ×`,
      aim: { text: `≤ ${MEMORY_MB} MB, ≤ ${FLAT} ×`, isMet: after <= MEMORY_MB && growth <= FLAT },
    };
  };
  return [row('runner', ({ usage }) => usage.runnerPeak), row('API', ({ usage }) => usage.apiPeak)];
}
