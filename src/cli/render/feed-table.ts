import type { Feed, FeedFile, FeedSummary } from 'batch-ingest-sdk';
import { inCommands } from '../in-commands.js';
import { type Paint, plain, printable, type Style } from './style.js';
import { type Column, displayWidth, fitting, type Step, shortenedFront, table, wrapped } from './table.js';
import { age, bytes } from './units.js';

const MAX_URI = 60;
const STEPS: readonly Step[] = [
  ['LOOKED', 0],
  ['MODEL', 0],
  ['URI', 24],
];
const FILE_STEPS: readonly Step[] = [
  ['FILE', 32],
  ['FOUND', 0],
  ['SIZE', 0],
  ['ERROR', 0],
  ['FILE', 24],
  ['JOB', 0],
  ['AFTER', 0],
  ['FILE', 12],
];
/** Files whose errors are told below the table. */
const MAX_TOLD = 10;

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
    { title: 'URI', text: ({ source }) => shortenedFront(source.uri, MAX_URI), isPath: true },
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
  return `${feedTable([feed], style, width)}\n${table(numbers, [feed], style)}\n${settingsOf(feed, style, width)}${error}`;
}

/** What the feed was created with, other than the defaults. */
function settingsOf({ options, metadata, ...feed }: Feed, style: Style, width: number): string {
  const settings: [name: string, value: string][] = [['every', `${feed.every} s`]];
  if (feed.complete !== null) {
    const { complete } = feed;
    const how = 'marker' in complete ? `marker ${complete.marker}` : `unchanged for ${complete.stable} s`;
    settings.push(['complete', how]);
  }
  if (feed.again !== 'changed') settings.push(['again', feed.again]);
  const to = feed.move_to === null ? '' : ` to ${feed.move_to}`;
  if (feed.after !== 'keep') settings.push(['after', feed.after + (feed.after === 'move' ? to : '')]);
  if (feed.after_partial !== 'keep') {
    settings.push(['after partial', feed.after_partial + (feed.after_partial === 'move' ? to : '')]);
  }
  for (const [name, value] of Object.entries(options)) settings.push([name, JSON.stringify(value)]);
  for (const [name, value] of Object.entries(metadata)) settings.push([`metadata ${name}`, value]);
  const cells = Math.max(...settings.map(([name]) => displayWidth(printable(name)))) + 2;
  return settings
    .map(([name, value]) => {
      const gap = ' '.repeat(cells - displayWidth(printable(name)));
      const lines = wrapped(printable(value), Math.max(20, width - cells));
      return `${style.dim(printable(name))}${gap}${lines.join(`\n${' '.repeat(cells)}`)}\n`;
    })
    .join('');
}

/** Files of a feed, one a line: their names below the folder that they share, and why those have failed that have. */
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
  const folder = sharedFolder(files);
  const nameOf = ({ uri }: FeedFile): string => {
    const name = uri.slice(folder.length);
    return uri.startsWith('file:') ? decoded(name) : name;
  };
  const columns: Column<FeedFile>[] = [
    { title: 'FILE', text: (file) => shortenedFront(nameOf(file), MAX_URI), isPath: true },
    { title: 'STATE', text: ({ state }) => state, paint: ({ state }) => colours[state] },
    { title: 'JOB', text: ({ job_id: job }) => job ?? '' },
    { title: 'SIZE', text: ({ size_bytes: size }) => bytes(size), align: 'right' },
    { title: 'FOUND', text: ({ found_at: at }) => age(now - Date.parse(at)), align: 'right' },
    { title: 'AFTER', text: ({ after }) => after ?? '' },
    { title: 'ERROR', text: ({ error }) => error?.code ?? '', paint: () => style.red },
    { title: 'ID', text: ({ file_id: id }) => id },
  ];
  if (files.length === 0) return table(columns, files, style);
  const told = files.flatMap((file) => {
    const { error, after_message: kept } = file;
    if (error !== null) return [[`${nameOf(file)}: ${error.code}: ${error.message}`, style.red] as const];
    return kept === null ? [] : [[`${nameOf(file)}: ${kept}`, style.yellow] as const];
  });
  const lines = told.slice(0, MAX_TOLD).flatMap(([text, paint]) => wrapped(printable(text), width).map(paint));
  if (told.length > MAX_TOLD) lines.push(`… and ${told.length - MAX_TOLD} more`);
  const below = lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
  const rows = table(fitting(columns, files, width, FILE_STEPS), files, style);
  return `${style.dim(printable(folder))}\n${rows}${below}`;
}

/** What all URIs begin with, up to a slash. */
function sharedFolder(files: readonly FeedFile[]): string {
  const [first = '', ...others] = files.map(({ uri }) => uri);
  let end = first.lastIndexOf('/') + 1;
  while (end > 0 && others.some((uri) => !uri.startsWith(first.slice(0, end))))
    end = first.lastIndexOf('/', end - 2) + 1;
  return first.slice(0, end);
}

/** The name of a local file as it is in its folder. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
