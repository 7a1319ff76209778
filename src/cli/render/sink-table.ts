import type { JobSink, SinkStatus } from 'batch-ingest-sdk';
import { inCommands } from '../in-commands.js';
import { type Paint, plain, printable, type Style } from './style.js';
import { type Column, fitting, type Step, table, wrapped } from './table.js';
import { age } from './units.js';

/** What gives way if the terminal is narrow, first things first. */
const STEPS: readonly Step[] = [
  ['CHANGED', 0],
  ['TABLE', 12],
  ['REMOVING', 0],
  ['TABLE', 0],
];
const INDENT = '  ';

/** How far a job is in its sinks, and what is wrong with them. `now`: in ms since the epoch; `width`: in cells. */
export function sinkTable(
  sinks: readonly JobSink[],
  style: Style = plain,
  now = Date.now(),
  width = Number.POSITIVE_INFINITY,
): string {
  const columns: Column<JobSink>[] = [
    { title: 'SINK', text: ({ name }) => name },
    { title: 'STATE', text: ({ state }) => state, paint: ({ state }) => sinkColour(state, style) },
    { title: 'ROWS', text: ({ rows }) => String(rows), align: 'right' },
    {
      title: 'REJECTED',
      text: ({ rejected }) => String(rejected),
      paint: ({ rejected }) => (rejected > 0 ? style.red : (text) => text),
      align: 'right',
    },
    { title: 'LAG', text: ({ lag }) => String(lag), align: 'right' },
    { title: 'CHANGED', text: ({ updated_at: at }) => age(now - Date.parse(at)), align: 'right' },
    { title: 'TABLE', text: (sink) => sink.table ?? '' },
  ];
  return table(fitting(columns, sinks, width, STEPS), sinks, style) + errorsOf(sinks, style, width);
}

/** The sinks of a service, and how many jobs wait for them. */
export function sinkStatusTable(
  sinks: readonly SinkStatus[],
  style: Style = plain,
  width = Number.POSITIVE_INFINITY,
): string {
  const count = (title: string, of: (sink: SinkStatus) => number, paint?: Paint): Column<SinkStatus> => ({
    title,
    text: (sink) => String(of(sink)),
    paint: (sink) => (paint !== undefined && of(sink) > 0 ? paint : (text) => text),
    align: 'right',
  });
  const columns: Column<SinkStatus>[] = [
    { title: 'SINK', text: ({ name }) => name },
    count('PENDING', ({ pending }) => pending),
    count('LOADING', ({ loading }) => loading),
    count('RETRYING', ({ retrying }) => retrying, style.yellow),
    count('FAILED', ({ failed }) => failed, style.red),
    count('REMOVING', ({ removing }) => removing),
  ];
  return table(fitting(columns, sinks, width, STEPS), sinks, style) + errorsOf(sinks, style, width);
}

export function sinkColour(state: JobSink['state'], style: Style): Paint {
  const colours: Record<JobSink['state'], Paint> = {
    PENDING: style.dim,
    LOADING: style.cyan,
    LOADED: style.green,
    RETRYING: style.yellow,
    FAILED: style.red,
    REMOVING: style.yellow,
    REMOVED: style.dim,
  };
  return colours[state];
}

function errorsOf(
  sinks: readonly { name: string; error: { code: string; message: string; hint?: string } | null }[],
  style: Style,
  width: number,
): string {
  return sinks
    .flatMap(({ name, error }) => {
      if (error === null) return [];
      const hint = error.hint ? ` ${error.hint}` : '';
      const text = printable(inCommands(`${name}: ${error.code}: ${error.message}.${hint}`));
      return [`\n${style.red(wrapped(text, width - INDENT.length).join(`\n${INDENT}`))}\n`];
    })
    .join('');
}
