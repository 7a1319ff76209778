import type { Job, JobState, JobSummary } from '../../sdk/index.js';
import { inCommands } from '../in-commands.js';
import { bar } from './bar.js';
import { type Paint, plain, printable, type Style } from './style.js';
import { type Column, table } from './table.js';
import { bytes, duration } from './units.js';

const BAR_WIDTH = 8;

/** `now`: in ms since the epoch. */
export function jobTable(jobs: readonly JobSummary[], style: Style, now: number): string {
  const columns: Column<JobSummary>[] = [
    ...facts(style),
    { title: 'PROCESSING', text: (job) => duration(job.timings.processing_ms), align: 'right' },
    { title: 'AGE', text: (job) => age(now - Date.parse(job.created_at)), align: 'right' },
    { title: 'FILE', text: (job) => shortened(job.filename, MAX_FILENAME) },
  ];
  return table(columns, jobs, style);
}

/** What every job's line begins with. */
function facts(style: Style): Column<JobSummary>[] {
  return [
    { title: 'JOB', text: (job) => job.job_id },
    { title: 'MODEL', text: (job) => job.model_id },
    { title: 'STATE', text: (job) => job.state, paint: (job) => stateColour(job.state, style) },
    { title: 'TOTAL', text: (job) => String(job.totals.rows), align: 'right' },
    { title: 'OK', text: (job) => String(job.totals.ok), align: 'right' },
    {
      title: 'ERRORS',
      text: (job) => String(job.totals.errors),
      paint: (job) => (job.totals.errors > 0 ? style.red : (text) => text),
      align: 'right',
    },
    { title: 'PROGRESS', text: (job) => jobBar(job, BAR_WIDTH) },
  ];
}

/** The table of one job, and below it what did not fit in. */
export function jobDetails(job: Job, style: Style = plain): string {
  const facts: Array<[string, string]> = [
    ['file', `${printable(job.filename)}, ${bytes(job.size_bytes)}`],
    ['accepted', topic(job.topics.data, job.end_offsets?.data)],
    ['rejected', topic(job.topics.dlq, job.end_offsets?.dlq)],
  ];
  if (job.options.value_format !== 'raw') facts.push(['values', job.options.value_format]);
  if (job.options.compression !== 'none') facts.push(['compression', job.options.compression]);
  if (job.options.null_values.length > 0) facts.push(['null', printable(job.options.null_values.join(', '))]);
  for (const [from, to] of Object.entries(job.options.columns)) facts.push(['column', printable(`${from} → ${to}`)]);
  for (const [column, operations] of Object.entries(job.options.normalize)) {
    facts.push(['normalized', printable(`${column}: ${operations.join(', ')}`)]);
  }
  for (const [key, value] of Object.entries(job.metadata)) facts.push([printable(key), printable(value)]);
  if (job.attempt > 1) facts.push(['attempt', String(job.attempt)]);
  if (job.error !== null) {
    facts.push(['error', style.red(`${job.error.code}: ${printable(inCommands(job.error.message))}`)]);
    facts.push(['hint', printable(inCommands(job.error.hint))]);
  }
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `${style.dim(name.padEnd(width))}  ${value}\n`);
  return `${jobTable([job], style)}\n${lines.join('')}`;
}

export function jobBar(job: JobSummary, width: number): string {
  const { bytes_done, bytes_total } = job.progress;
  const rejectedShare = job.totals.rows === 0 ? 0 : job.totals.errors / job.totals.rows;
  // A job of an empty file part is done all the same.
  const over = job.state === 'SUCCESS' || job.state === 'PARTIAL_SUCCESS';
  return over ? bar(1, 1, rejectedShare, width) : bar(bytes_done, bytes_total, rejectedShare, width);
}

export function stateColour(state: JobState, style: Style): Paint {
  const colours: Record<JobState, Paint> = {
    PENDING: style.dim,
    RUNNING: style.cyan,
    CANCELLING: style.yellow,
    SUCCESS: style.green,
    PARTIAL_SUCCESS: style.yellow,
    FAILED: style.red,
    CANCELLED: style.yellow,
  };
  return colours[state];
}

function topic(name: string, end: number | undefined): string {
  return end === undefined ? `topic ${name}` : `topic ${name}, read to offset ${end}`;
}
