import type { JobStage } from './job-stage.js';
import type { RowFile } from './rows.js';

const END_MS = 300_000;
/** What a job may end with when the one broker there is has lost a transaction's markers; see DESIGN.md. */
const CLOSED = new Set(['CHECKPOINT_LOST', 'KAFKA_UNAVAILABLE']);

/** Delivered, or failed without a wrong row; a job that only missed the broker goes on once it is there again. */
export async function deliveredOrClosed(
  stage: JobStage,
  jobId: string,
  file: RowFile,
  isResumed = false,
): Promise<'delivered' | 'closed'> {
  const { state, error } = await stage.api.ended(jobId, END_MS);
  const code = error?.code ?? '';
  if (state !== 'FAILED' || !CLOSED.has(code)) {
    stage.tally.event(isResumed ? 'delivered after a resume' : 'delivered');
    if (isResumed) stage.tally.resumed += 1;
    await stage.delivered(jobId, file);
    return 'delivered';
  }
  await stage.prefix(jobId, file);
  if (code === 'KAFKA_UNAVAILABLE' && !isResumed) {
    const resumed = await stage.api.resume(jobId);
    if (resumed.status !== 202) stage.tally.fail(`resume of ${jobId}: ${resumed.status} ${await resumed.text()}`);
    return deliveredOrClosed(stage, jobId, file, true);
  }
  stage.tally.event(`failed closed as ${code}`);
  return 'closed';
}
