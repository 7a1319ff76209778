import type { Job, JobState, JobSummary } from 'batch-ingest-sdk';
import { inCommands } from '../in-commands.js';
import { bar } from './bar.js';
import { type Paint, plain, printable, type Style } from './style.js';
import { type Column, displayWidth, fitting, type Step, shortened, table, wrapped } from './table.js';
import { age, bytes, counted, duration } from './units.js';

const BAR_WIDTH = 8;
const MAX_FILENAME = 40;
/** Narrower lines than this say less than wrapped ones. */
const MIN_VALUE = 20;

/** What gives way if the terminal is narrow, first things first. */
const STEPS: readonly Step[] = [
  ['FILE', 24],
  ['WAITING', 0],
  ['PROCESSING', 0],
  ['PROGRESS', 0],
  ['OK', 0],
  ['MODEL', 12],
  ['FILE', 12],
  ['MODEL', 0],
  ['FILE', 8],
];

/** `now`: in ms since the epoch; `width`: of the terminal, in cells. */
export function jobTable(
  jobs: readonly JobSummary[],
  style: Style,
  now: number,
  width = Number.POSITIVE_INFINITY,
): string {
  const columns: Column<JobSummary>[] = [
    ...facts(style),
    { title: 'PROCESSING', text: (job) => duration(job.timings.processing_ms), align: 'right' },
    { title: 'AGE', text: (job) => age(now - Date.parse(job.created_at)), align: 'right' },
    { title: 'FILE', text: (job) => shortened(job.filename, MAX_FILENAME) },
  ];
  return table(fitting(columns, jobs, width, STEPS), jobs, style);
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

/** The table of one job, and below it what did not fit in. `width`: of the terminal, in cells. */
export function jobDetails(job: Job, style: Style = plain, width = Number.POSITIVE_INFINITY): string {
  const columns: Column<JobSummary>[] = [
    ...facts(style),
    { title: 'WAITING', text: ({ timings }) => duration(timings.waiting_ms), align: 'right' },
    { title: 'PROCESSING', text: ({ timings }) => duration(timings.processing_ms), align: 'right' },
  ];
  // Whole or below: a shortened cell would be nowhere in full.
  const steps = STEPS.filter(([, cells]) => cells === 0);
  const shown = fitting(columns, [job], width, steps);
  const left = columns.filter(({ title }) => !shown.some((column) => column.title === title));
  const below: Fact[] = [
    ...left.map(({ title, text }): Fact => [title.toLowerCase(), text(job)]),
    ...detailsOf(job).map(([name, value, paint]): Fact => [printable(name), printable(value), paint]),
  ];
  const nameWidth = Math.max(...below.map(([name]) => displayWidth(name)));
  const indent = ' '.repeat(nameWidth + 2);
  const lines = below.map(([name, value, paint]) => {
    const colour = paint === undefined ? (text: string) => text : style[paint];
    const pieces = wrapped(value, Math.max(MIN_VALUE, width - indent.length)).map(colour);
    return `${style.dim(name)}${indent.slice(displayWidth(name))}${pieces.join(`\n${indent}`)}\n`;
  });
  return `${table(shown, [job], style)}\n${lines.join('')}`;
}

type Fact = [name: string, value: string, paint?: 'red' | undefined];

function detailsOf(job: Job): Fact[] {
  const { options, topics, end_offsets: ends, error } = job;
  const details: Fact[] = [
    ['file', `${job.filename}, ${bytes(job.size_bytes)}`],
    ...(job.source === null
      ? []
      : [
          [
            'source',
            `${job.source.uri}${job.source.ranges ? '' : ' (no ranges: read from its start on each resume)'}`,
          ] satisfies Fact,
        ]),
    ['accepted', topic(topics.data, ends?.data)],
    ['rejected', topic(topics.dlq, ends?.dlq)],
  ];
  if (options.value_format !== 'raw') details.push(['values', options.value_format]);
  if (options.compression !== 'none') details.push(['compression', options.compression]);
  const { null_values: nulls } = options;
  if (!Array.isArray(nulls)) {
    for (const [column, values] of Object.entries(nulls)) details.push(['null', `${column}: ${values.join(', ')}`]);
  } else if (nulls.length > 0) details.push(['null', nulls.join(', ')]);
  if (options.quoted_nulls !== 'typed') details.push(['quoted nulls', options.quoted_nulls]);
  if (options.quoted_empty !== 'text') details.push(['quoted empty', options.quoted_empty]);
  if (options.header_names !== 'lenient') details.push(['header names', options.header_names]);
  for (const [from, to] of Object.entries(options.rename)) details.push(['column', `${from} → ${to}`]);
  for (const [column, operations] of Object.entries(options.normalize)) {
    details.push(['normalized', `${column}: ${operations.join(', ')}`]);
  }
  if (options.on_broken !== 'continue') details.push(['on broken', options.on_broken]);
  const expected = Object.entries(options.expect);
  if (expected.length > 0) details.push(['expected', expected.map(([what, value]) => `${what} ${value}`).join(', ')]);
  for (const { message, count, first_rows: first } of job.warnings) {
    const rows = `${counted(count, 'row')}: ${first.join(', ')}${count > first.length ? ', …' : ''}`;
    details.push(['warning', `${message} (${rows})`, 'red']);
  }
  for (const { name, state, rows, rejected, lag, table: at } of job.sinks) {
    const left = lag > 0 ? `, ${lag} to go` : '';
    const bad = rejected > 0 ? `, ${rejected} rejected` : '';
    const where = at === null ? '' : ` in ${at}`;
    details.push([
      name,
      `${state}, ${counted(rows, 'row')}${where}${bad}${left}`,
      state === 'FAILED' ? 'red' : undefined,
    ]);
  }
  if (job.owner !== null) details.push(['owner', job.owner]);
  details.push(...Object.entries(job.metadata));
  if (job.waiting !== null) details.push(['waiting', `${job.waiting.code}: ${job.waiting.message}`, 'red']);
  if (job.attempt > 1) details.push(['attempt', String(job.attempt)]);
  for (const { name, error: failure } of job.sinks) {
    if (failure === null) continue;
    details.push(
      [`${name}`, `${failure.code}: ${inCommands(failure.message)}`, 'red'],
      ['hint', inCommands(failure.hint)],
    );
  }
  if (error !== null) {
    details.push(['error', `${error.code}: ${inCommands(error.message)}`, 'red'], ['hint', inCommands(error.hint)]);
  }
  return details;
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
