import type { Feed, FeedFile, FeedSummary } from 'batch-ingest-sdk';
import { inCommands } from '../in-commands.js';
import { type Paint, plain, printable, type Style } from './style.js';
import { type Column, fitting, type Step, shortened, table, wrapped } from './table.js';
import { age, bytes } from './units.js';

const MAX_URI = 60;
const STEPS: readonly Step[] = [
  ['URI', 24],
  ['FOUND', 0],
  ['LOOKED', 0],
  ['SIZE', 0],
  ['MODEL', 0],
  ['URI', 8],
];

/** Feeds, one a line. `width`: in cells. */
export function feedTable(
  feeds: readonly FeedSummary[],
  style: Style = plain,
  width = Number.POSITIVE_INFINITY,
  now = Date.now(),
): string {
  const columns: Column<FeedSummary>[] = [
    { title: 'FEED', text: ({ id }) => id },
    {
      title: 'STATE',
      text: ({ state }) => state,
      paint: ({ state }) => (state === 'ACTIVE' ? style.green : style.yellow),
    },
    { title: 'MODEL', text: ({ model_id: model }) => model },
    { title: 'LOOKED', text: ({ looked_at: at }) => (at === null ? '' : age(now - Date.parse(at))), align: 'right' },
    { title: 'URI', text: ({ source }) => shortened(source.uri, MAX_URI) },
    { title: 'ERROR', text: ({ error }) => error?.code ?? '', paint: () => style.red },
  ];
  return table(fitting(columns, feeds, width, STEPS), feeds, style);
}

/** One feed, with the numbers of its files and what is wrong with it. */
export function feedDetails(feed: Feed, style: Style = plain, width = Number.POSITIVE_INFINITY): string {
  const { pending, in_progress: inProgress, completed, failed } = feed.files;
  const count = (title: string, value: number, paint?: Paint): Column<Feed> => ({
    title,
    text: () => String(value),
    paint: () => (paint !== undefined && value > 0 ? paint : (text) => text),
    align: 'right',
  });
  const numbers = [
    count('PENDING', pending),
    count('IN PROGRESS', inProgress),
    count('COMPLETED', completed),
    count('FAILED', failed, style.red),
  ];
  const error =
    feed.error === null
      ? ''
      : `\n${style.red(wrapped(printable(inCommands(`${feed.error.code}: ${feed.error.message}. ${feed.error.hint}`)), width).join('\n'))}\n`;
  return `${feedTable([feed], style, width)}\n${table(numbers, [feed], style)}${error}`;
}

/** Files of a feed, one a line, and why those have failed that have. */
export function feedFileTable(
  files: readonly FeedFile[],
  style: Style = plain,
  width = Number.POSITIVE_INFINITY,
  now = Date.now(),
): string {
  const colours: Record<FeedFile['state'], Paint> = {
    PENDING: style.dim,
    IN_PROGRESS: style.cyan,
    COMPLETED: style.green,
    FAILED: style.red,
  };
  const columns: Column<FeedFile>[] = [
    { title: 'FILE', text: ({ file_id: id }) => id },
    { title: 'STATE', text: ({ state }) => state, paint: ({ state }) => colours[state] },
    { title: 'JOB', text: ({ job_id: job }) => job ?? '' },
    { title: 'SIZE', text: ({ size_bytes: size }) => bytes(size), align: 'right' },
    { title: 'FOUND', text: ({ found_at: at }) => age(now - Date.parse(at)), align: 'right' },
    { title: 'AFTER', text: ({ after }) => after ?? '' },
    { title: 'URI', text: ({ uri }) => shortened(uri, MAX_URI) },
    { title: 'ERROR', text: ({ error }) => error?.code ?? '', paint: () => style.red },
  ];
  return table(fitting(columns, files, width, STEPS), files, style);
}
