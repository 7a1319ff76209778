import type { Logger } from 'pino';
import { traceIdOf } from '../../observability/tracing/index.js';
import type { StoredJob } from '../domain/stored-job.js';

/** Says that a job has ended; at error if it has failed, because then somebody must act. */
export function logEnd(log: Logger, job: StoredJob): void {
  const { jobId, modelId, filename, state, error, checkpoint, processingMs, traceContext } = job;
  const { ok: accepted = 0, errors: rejected = 0 } = checkpoint ?? {};
  const fields = { job_id: jobId, model_id: modelId, file: filename, state, error, trace_id: traceIdOf(traceContext) };
  const counts = { rows: accepted + rejected, accepted, rejected, processing_ms: processingMs };
  if (state === 'FAILED') log.error({ ...fields, ...counts }, `job failed: ${error?.code}`);
  else log.info({ ...fields, ...counts }, 'job ended');
}
