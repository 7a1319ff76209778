import type { BatchClient, Job } from '../../sdk/index.js';
import { EXIT, Interrupted } from '../failure.js';
import { processingLine } from '../progress.js';
import { jobDetails } from '../render/job-table.js';
import { counted } from '../render/units.js';
import { report, type Session } from '../session.js';

/** Small enough for a live line, large enough for the service. */
const LOOK_EVERY_MS = 400;

/** Waits for a job with a live line, shows it, and sets the exit code by its state. */
export async function waitAndConclude(session: Session, client: BatchClient, id: string): Promise<void> {
  const job = await waitLive(session, client, id);
  session.note('');
  session.show(job, jobDetails);
  session.exitCode = exitCodeOf(job);
  if (job.error !== null) {
    const { code, message, hint } = job.error;
    if (session.mode === 'json')
      report({ code, message, hint, exitCode: EXIT.failed, problem: null }, 'json', session.environment);
  }
  if (job.state === 'CANCELLED') session.note(`\nThe job was cancelled; go on with: batch job resume ${id}`);
  if (job.state === 'PARTIAL_SUCCESS') {
    session.note(`\n${counted(job.totals.errors, 'row')} rejected; see why: batch job rejected ${id}`);
  }
}

async function waitLive(session: Session, client: BatchClient, id: string): Promise<Job> {
  const line = await processingLine(session);
  try {
    return await client.waitForJob(id, {
      signal: session.signal,
      maxIntervalMs: LOOK_EVERY_MS,
      onProgress: (job) => line.update(job),
    });
  } catch (error) {
    throw session.signal.aborted ? goesOn(id) : error;
  } finally {
    line.stop();
  }
}

/** The job does not end with the command that looks at it. */
export function goesOn(id: string): Interrupted {
  return new Interrupted(`job ${id} goes on. Wait again: batch job wait ${id}. Stop it: batch job cancel ${id}`);
}

function exitCodeOf(job: Job): number {
  if (job.state === 'SUCCESS') return EXIT.done;
  return job.state === 'PARTIAL_SUCCESS' ? EXIT.partial : EXIT.failed;
}
