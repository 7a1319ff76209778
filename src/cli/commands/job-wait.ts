import type { BatchClient, Job, WaitOptions } from 'batch-ingest-sdk';
import { EXIT, Interrupted } from '../failure.js';
import { lostContact } from '../lost-contact.js';
import { processingLine } from '../progress.js';
import { jobDetails } from '../render/job-table.js';
import { counted } from '../render/units.js';
import { report, type Session } from '../session.js';

/** Small enough for a live line, large enough for the service. */
const LOOK_EVERY_MS = 400;

/** Waits for a job with a live line, shows it, and sets the exit code by its state. */
export async function waitAndConclude(
  session: Session,
  client: BatchClient,
  id: string,
  until: 'kafka' | 'sinks',
): Promise<void> {
  const job = await waitLive(session, client, id, until);
  session.note('');
  session.show(job, jobDetails);
  session.exitCode = exitCodeOf(job, until);
  if (job.error !== null) {
    const { code, message, hint } = job.error;
    if (session.mode === 'json')
      report({ code, message, hint, exitCode: EXIT.failed, problem: null }, 'json', session.environment);
  }
  if (job.state === 'CANCELLED') session.note(`\nThe job was cancelled. Resume it: batch job resume ${id}`);
  const rejected = job.totals.errors + job.sinks.reduce((sum, sink) => sum + sink.rejected, 0);
  if (rejected > 0 && session.exitCode === EXIT.partial) {
    session.note(`\n${counted(rejected, 'row')} rejected. See why: batch job rejected ${id}`);
  }
  for (const { name, state, error } of job.sinks) {
    if (until === 'kafka' || state !== 'FAILED' || error === null || session.mode !== 'json') continue;
    const { code, message, hint } = error;
    report(
      { code, message: `${name}: ${message}`, hint, exitCode: EXIT.failed, problem: null },
      'json',
      session.environment,
    );
  }
}

async function waitLive(session: Session, client: BatchClient, id: string, until: 'kafka' | 'sinks'): Promise<Job> {
  const line = await processingLine(session);
  try {
    return await followJob(session, client, id, until, (job) => line.update(job));
  } finally {
    line.stop();
  }
}

/**
 * The job once it is over; says when the service is away and when it is back. The job does not end with the command that
 * looks at it: if this throws because of the service or of Ctrl-C, the error names the command that goes on.
 */
export async function followJob(
  session: Session,
  client: BatchClient,
  id: string,
  until: 'kafka' | 'sinks',
  onProgress: (job: Job) => void,
): Promise<Job> {
  let awaySince: number | null = null;
  const onOutage: WaitOptions['onOutage'] = ({ message }, maxOutageMs) => {
    awaySince = performance.now();
    session.tell({
      message: `${message}; the job keeps running; waiting ${Math.round(maxOutageMs / 1000)} s for the service`,
    });
  };
  const onLook = (job: Job): void => {
    if (awaySince !== null) {
      session.tell({ message: `the service is back after ${((performance.now() - awaySince) / 1000).toFixed(1)} s` });
      awaySince = null;
    }
    onProgress(job);
  };
  try {
    const options = { signal: session.signal, until, maxIntervalMs: LOOK_EVERY_MS, onProgress: onLook, onOutage };
    return await client.waitForJob(id, options);
  } catch (error) {
    const again = session.command(`job wait ${id}`);
    if (session.signal.aborted) {
      const stop = session.command(`job cancel ${id}`);
      throw new Interrupted(`job ${id} keeps running. Wait again: ${again}. Stop it: ${stop}`);
    }
    const { isOutage } = await import('batch-ingest-sdk');
    if (isOutage(error))
      throw lostContact(error, `job ${id} keeps running without this command`, `Wait again: ${again}`);
    throw error;
  }
}

function exitCodeOf(job: Job, until: 'kafka' | 'sinks'): number {
  const sinks = until === 'kafka' ? [] : job.sinks;
  if (job.state !== 'SUCCESS' && job.state !== 'PARTIAL_SUCCESS') return EXIT.failed;
  if (sinks.some(({ state }) => state === 'FAILED')) return EXIT.failed;
  return job.state === 'PARTIAL_SUCCESS' || sinks.some(({ rejected }) => rejected > 0) ? EXIT.partial : EXIT.done;
}
