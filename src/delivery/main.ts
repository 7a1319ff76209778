import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../config/index.js';
import { createKafka } from '../kafka/index.js';
import { createLog } from '../observability/index.js';
import { readerName } from '../reading/index.js';
import { ALIVE_MS, type Assignment, EXIT_LEASE_LOST, type FromRunner, parentProcessLink } from '../runner/index.js';
import { DeliveryRun } from './delivery-run.js';
import { JobFiles } from './job-files.js';
import { KernelCache } from './kernel-cache.js';
import { limitsOf } from './protocol.js';

/**
 * A runner process: works on one job at a time as its pool says, and ends when the pool is gone.
 * The pool ends it; signals meant for the service's whole process group are left to the pool.
 */

const LEASE_ANSWER_MS = 5_000;
/** Rejected rows that the pool does not take, in messages of about 64 kB. */
const MAX_UNSENT = 128;
/** The Parquet decoder may use 1/DECODER_SHARE of a runner's memory. */
const DECODER_SHARE = 2;

const config = loadConfig(process.env);
const log = createLog(config.logLevel).child({ component: 'runner' });
const kafka = createKafka(config.kafka);
const kernels = new KernelCache();
const files = new JobFiles(config.sources);
const pool = parentProcessLink();
let current: DeliveryRun | undefined;
let answerLease: ((isCurrent: boolean) => void) | undefined;

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
pool.onClose(() => process.exit(EXIT_LEASE_LOST));
process.removeAllListeners('warning');
process.on('warning', (warning) => log.warn({ err: warning }, 'process warning'));

pool.onMessage((message) => {
  switch (message.type) {
    case 'assign':
      work(message.assignment).catch((error: unknown) => crash(error, message.assignment.jobId));
      break;
    case 'lease-answer':
      answerLease?.(message.current);
      break;
    case 'cancel':
      current?.reconcile();
      break;
    case 'stop':
      current?.stop();
      break;
  }
});
pool.send({ type: 'ready' });

async function work(job: Assignment): Promise<void> {
  const { jobId, lease, filename: file } = job;
  const jobLog = log.child({
    job_id: jobId,
    lease,
    model_id: job.modelId,
    file,
    ...(job.traceId === null ? {} : { trace_id: job.traceId }),
  });
  const startedAt = performance.now();
  if (job.intent === 'run') {
    const about = { bytes: job.sizeBytes, row: job.checkpoint?.position.row ?? 0, reader: readerName(job) };
    jobLog.info(about, `Started processing file ${file}`);
  }
  current = new DeliveryRun(job, {
    kafka,
    log: jobLog,
    limits: limitsOf(config.kafka.unavailableAfterMs),
    askLease: () => askLease(job),
    report,
    keepsErrorsLog: config.errorsLog !== null,
    kernels,
    files,
    feedLimits: { decompression: config.decompression, decoderBytes: config.runnerMaxRssBytes / DECODER_SHARE },
  });
  const alive = setInterval(() => pool.send({ type: 'alive' }), ALIVE_MS);
  const outcome = await current.run();
  clearInterval(alive);
  if (outcome === null) {
    jobLog.warn('the lease is gone; leaving the job to its new runner');
    process.exit(EXIT_LEASE_LOST);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { rows, bytes } = current.decided;
  current = undefined;
  if (job.intent === 'run') {
    const { ok: accepted = 0, errors: rejected = 0 } = ('checkpoint' in outcome ? outcome.checkpoint : null) ?? {};
    const speed = { seconds: round(seconds), mb_per_s: round(bytes / 1e6 / seconds) };
    const about = { outcome: outcome.kind, rows, accepted, rejected, ...speed };
    const isFinished = outcome.kind === 'completed';
    const summary = `(Duration: ${speed.seconds} s, Rows: ${rows})`;
    jobLog.info(about, `${isFinished ? 'Finished' : 'Stopped processing'} file ${file} ${summary}`);
  }
  pool.send({ type: 'finished', jobId: job.jobId, lease: job.lease, outcome });
}

/** The pool is told everything; only rows for the errors log are left out while it takes nothing. */
function report(message: FromRunner): void {
  if (message.type !== 'rejected' || pool.unsent < MAX_UNSENT) pool.send(message);
  else pool.send({ ...message, lines: '', rows: 0, omitted: message.rows + message.omitted });
}

/** The next runner finds out what is committed. */
function crash(error: unknown, jobId: string): never {
  log.fatal({ err: error, job_id: jobId }, 'a defect in the service; the runner leaves its job to another');
  process.exit(1);
}

async function askLease(job: Assignment): Promise<boolean> {
  const answer = new Promise<boolean>((resolve) => {
    answerLease = resolve;
  });
  pool.send({ type: 'lease-question', jobId: job.jobId, lease: job.lease });
  const timeout = new AbortController();
  const silence = sleep(LEASE_ANSWER_MS, false, { signal: timeout.signal }).catch(() => false);
  const isCurrent = await Promise.race([answer, silence]);
  timeout.abort();
  return isCurrent;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
