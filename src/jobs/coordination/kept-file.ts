import type { Access } from '../../auth/index.js';
import { ServiceError } from '../../errors/index.js';
import type { KeptFile } from '../../upload/index.js';
import { isJobId } from '../domain/job-id.js';
import { isTerminal } from '../domain/job-state.js';
import type { StoredJob } from '../domain/stored-job.js';

/**
 * The file that an ended job keeps, for another job. Throws JOB_NOT_FOUND, also if `access` is not for its model; JOB_STATE_CONFLICT if the job has not ended;
 * SPOOL_EXPIRED if its file is gone.
 */
export async function keptFile(
  store: { get(jobId: string): Promise<StoredJob | undefined> },
  jobId: string,
  access: Access,
): Promise<KeptFile> {
  const record = isJobId(jobId) ? await store.get(jobId) : undefined;
  if (record === undefined || !access.mayUse(record.modelId)) {
    throw new ServiceError('JOB_NOT_FOUND', `There is no job '${jobId.slice(0, 32)}'`);
  }
  if (!isTerminal(record.state)) {
    throw new ServiceError(
      'JOB_STATE_CONFLICT',
      `The job is ${record.state} and still uses its file: wait until it has ended`,
    );
  }
  if (!record.spooled) {
    throw new ServiceError('SPOOL_EXPIRED', `The uploaded file of job '${jobId}' is no longer kept`);
  }
  if (record.source !== null) {
    throw new ServiceError(
      'SPOOL_EXPIRED',
      `Job '${jobId}' keeps no file: it reads ${record.source.uri}; send that again`,
    );
  }
  const { fileKey, filename, sizeBytes, sha256 } = record;
  return { fileKey, filename, sizeBytes, sha256 };
}
