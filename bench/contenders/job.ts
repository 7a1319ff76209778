import { createBatchClient, type Job, type JobSettings } from 'batch-ingest-sdk';
import type { Service } from '../../test/kit/service.js';
import type { Input } from '../inputs.js';
import type { Contender, Run } from '../runs.js';
import { type ServiceUsage, watchService } from '../usage.js';

/** More often than the SDK would look, so that the end is seen soon; a look costs the API a millisecond. */
const LOOK_EVERY_MS = 100;

/** A job of ours. Its `seconds` are those from RUNNING to SUCCESS, its CPU the runners'. */
export interface DeliveryRun extends Run {
  usage: ServiceUsage;
  /** What the API took until the 202; the rest of its CPU went to looks, progress and the job's end. */
  uploadCpuSeconds: number;
  /** From the start of POST to the 202. */
  uploadSeconds: number;
  /** From the start of POST to the look that saw the end. */
  wholeSeconds: number;
}

/**
 * Uploads by the SDK, or names the `source` that the service reads, and waits until every row is committed; the model has the
 * input's name.
 */
export function job(
  service: Service,
  input: Input,
  { source, ...options }: Partial<JobSettings> & { source?: string } = {},
  name = 'Batch',
): Contender<DeliveryRun> {
  const file = source === undefined ? { file: input.path } : { source };
  const client = createBatchClient({ baseUrl: service.url });
  return {
    name: [name, ...Object.values(options).map(String)].join(', '),
    input,
    async run() {
      const usageSoFar = watchService(service);
      const started = performance.now();
      const { job } = await client.createJob({ modelId: input.name, ...file, ...options });
      const uploadSeconds = (performance.now() - started) / 1000;
      const uploadCpuSeconds = usageSoFar().apiCpu;
      const ended = await client.waitForJob(job.job_id, { maxIntervalMs: LOOK_EVERY_MS });
      const wholeSeconds = (performance.now() - started) / 1000;
      const usage = usageSoFar();
      checkTotals(ended, input);
      return {
        bytes: input.bytes,
        seconds: ended.timings.processing_ms / 1000,
        cpuSeconds: usage.runnerCpu,
        usage,
        uploadCpuSeconds,
        uploadSeconds,
        wholeSeconds,
      };
    },
  };
}

function checkTotals(job: Job, { rows, badRows }: Input): void {
  if (job.totals.rows === rows && job.totals.errors === badRows) return;
  throw new Error(`the job did not deliver all of ${rows} rows, ${badRows} of them bad: ${JSON.stringify(job)}`);
}
