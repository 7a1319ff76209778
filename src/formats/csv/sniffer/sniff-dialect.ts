import { ServiceError } from '../../../errors/index.js';
import {
  COMMON_DELIMITERS,
  type CsvDialect,
  DEFAULT_DIALECT,
  ownEscape,
  type Quotes,
  quoteOf,
} from '../../../ingest/index.js';
import { cellKind } from './cell-kind.js';
import { findHeader, type HeaderFinding } from './header-line.js';
import { type SampleRecord, sampleRecords } from './sample-records.js';
import { type TableShape, tableShape } from './table-shape.js';

/** Size of the sample in bytes. */
export const SNIFF_BYTES = 64 * 1024;

/** Other characters are delimiters only if the common ones explain nothing. */
const RARE_DELIMITERS = ['\u0001', '\u001f', '^', '~', ':', '#', '*', ' '] as const;
/** What a delimiter that is rare is worth of a common one, and the least share of the records that it has to explain. */
const RARE = 0.6;
const RARE_AGREEMENT = 0.9;
/** How each delimiter stands in a text that was cut by another one. */
const CUTS: Readonly<Record<(typeof COMMON_DELIMITERS)[number], RegExp>> = {
  ',': /,\S/,
  ';': /;\S/,
  '\t': /\t/,
  '|': /\|\S/,
};
/** Number of lines that show whether a rare one is used. */
const DELIMITER_LINES = 40;
/** Maximum number of rows whose cells are read. */
const MAX_ROWS = 150;
/** A reading with strict quotes is the better one if others explain the text as well. */
const QUOTES_WORTH: Readonly<Record<Quotes, number>> = { strict: 1, lax: 0.97, none: 0.94 };
/** Fewer broken records are mistakes of the file, not its way of writing. */
const MIN_BROKEN = 2;
const BROKEN_SHARE = 0.1;
/** Below it, two readings of the file are equal. */
const SURE = 0.04;

/** A sample of a file, and what is known of it already. */
export interface SniffRequest {
  /** The beginning of the text in UTF-8; at most SNIFF_BYTES of it are used. */
  text: Buffer;
  /** It is the whole file. */
  isWhole: boolean;
  /** What somebody said; the rest is found out. */
  given: Partial<CsvDialect>;
  /** Names of columns that may be in the header, for want of a better reason to choose it. */
  names?: readonly string[];
}

/** How a file seems to be written. */
export interface SniffedDialect {
  dialect: CsvDialect;
  /** How much better it explains the text than the runner-up does: from 0, not at all, to 1. */
  confidence: number;
  /** The next best reading that gives other fields; null: nothing else gives a table. */
  runnerUp: CsvDialect | null;
  /** Why, for people: at least one. */
  reasons: string[];
  /** Number of fields of a row, of the sampled rows, and how many lines of the table no row fits. */
  columns: number;
  rows: number;
  misfits: number;
  /** It is read as a single column, but most of its lines have a delimiter. */
  hidesColumns: boolean;
}

/** A dialect but for what a reading of the text by it tells. */
interface Reading {
  dialect: CsvDialect;
  records: SampleRecord[];
  shape: TableShape;
  score: number;
}

/**
 * How a CSV file is written, by its beginning: each combination of delimiter, quote, escape and comment that may be
 * meant is tried with the readers' own grammar, and the one wins by which most records are whole, equally wide, and
 * hold cells that look like values. null if nothing gives a table.
 */
export function sniffDialect(request: SniffRequest): SniffedDialect | null {
  const text = request.text.subarray(0, SNIFF_BYTES);
  const isWhole = request.isWhole && text.length === request.text.length;
  const said = sepLine(text);
  const given = said === null ? request.given : { delimiter: said, ...request.given };
  const { skipLines = 0 } = given;
  // Unless it is skipped anyway.
  const isSaid = said !== null && skipLines === 0;
  const sample = text.toString();
  const lines = sample.split(/\r\n|\r|\n/);
  const readings: Reading[] = [];
  for (const dialect of candidates(sample, lines, given)) {
    const records = sampleRecords(text, isWhole, { ...dialect, skipLines }).slice(Number(isSaid));
    const shape = tableShape(records);
    if (shape === null) continue;
    const score = scoreOf(dialect, records, shape) * (hidesHeader(lines, dialect, records, shape) ? 0.5 : 1);
    readings.push({ dialect, records, shape, score });
  }
  readings.sort((a, b) => b.score - a.score);
  const best = preferStrict(readings);
  if (best === undefined || best.score === 0) return null;
  const second = readings.find((each) => !isSameTable(each, best)) ?? null;
  return describe(best, second, { ...request, given, said: isSaid, lines });
}

/** The best one, unless its quotes are not strict and that explains only a few records more: these are broken then. */
function preferStrict(readings: readonly Reading[]): Reading | undefined {
  const [best] = readings;
  if (best?.dialect.quotes === undefined) return best;
  const strict = readings.find((each) => each.dialect.quotes === undefined && isSameTable(each, best));
  if (strict === undefined) return best;
  const { broken } = strict.shape;
  return broken < MIN_BROKEN || broken < strict.records.length * BROKEN_SHARE ? strict : best;
}

/** Excel's first line `sep=;`, which says what the delimiter is; null if there is none. */
function sepLine(text: Buffer): string | null {
  return /^\uFEFF?"?sep=([^\r\n])"?\r?\n/i.exec(text.subarray(0, 16).toString())?.[1] ?? null;
}

function candidates(sample: string, lines: readonly string[], given: Partial<CsvDialect>): CsvDialect[] {
  const delimiters = given.delimiter === undefined ? likelyDelimiters(sample, lines) : [given.delimiter];
  const comments = 'comment' in given ? [given.comment] : /^#/m.test(sample) ? [undefined, '#'] : [undefined];
  const all = quotings(sample, given);
  return delimiters.flatMap((delimiter) =>
    all.flatMap((quoting) =>
      comments.flatMap((comment) => {
        const dialect = { delimiter, header: true, ...quoting, ...defined({ comment }) };
        return hasOneMeaningEach(dialect) ? [dialect] : [];
      }),
    ),
  );
}

function hasOneMeaningEach(dialect: CsvDialect): boolean {
  const meanings = [dialect.delimiter, quoteOf(dialect), ownEscape(dialect), dialect.comment ?? null];
  const taken = meanings.filter((each) => each !== null);
  return new Set(taken).size === taken.length;
}

/** What quotes may mean. Those that are not strict are tried if there are any: they explain everything, somehow. */
function quotings(sample: string, given: Partial<CsvDialect>): Pick<CsvDialect, 'quote' | 'escape' | 'quotes'>[] {
  const { quotes: said } = given;
  if (said === 'none') return [{ quote: DEFAULT_DIALECT.quote, quotes: said }];
  const quotes = given.quote === undefined ? (mayQuoteBy("'", sample) ? ['"', "'"] : ['"']) : [given.quote];
  const hasEscape = sample.includes('\\"') || sample.includes("\\'");
  const escapes = 'escape' in given ? [given.escape] : hasEscape ? [undefined, '\\'] : [undefined];
  const enclosed = quotes.flatMap((quote) => {
    const modes: Quotes[] = said !== undefined ? [said] : sample.includes(quote) ? ['strict', 'lax'] : ['strict'];
    return modes.flatMap((mode) =>
      escapes.map((own) => ({
        quote,
        ...defined({ escape: own === quote ? undefined : own, quotes: mode === 'strict' ? undefined : mode }),
      })),
    );
  });
  // Whoever names a quote or an escape says that there are quotes.
  const mayBeNone = said === undefined && given.quote === undefined && given.escape === undefined;
  return mayBeNone && sample.includes('"') ? [...enclosed, { quote: '"', quotes: 'none' }] : enclosed;
}

/** Those that stand in it, and one that does not: of a single column. */
function likelyDelimiters(sample: string, all: readonly string[]): string[] {
  const lines = all.slice(0, DELIMITER_LINES).filter((line) => line !== '');
  const common = COMMON_DELIMITERS.filter((each) => sample.includes(each));
  const rare = RARE_DELIMITERS.filter(
    (each) => lines.filter((line) => line.trim().includes(each)).length > lines.length / 2,
  );
  const absent = COMMON_DELIMITERS.find((each) => !sample.includes(each)) ?? '\u001f';
  return [...common, ...rare, absent];
}

function mayQuoteBy(quote: string, sample: string): boolean {
  return new RegExp(`(?:^|[,;|\\t])${quote}[^${quote}]*${quote}(?:[,;|\\t]|\\r|\\n|$)`, 'm').test(sample);
}

/** The last comment before the table has as many fields as its rows: it is the header, which begins with that character. */
function hidesHeader(
  lines: readonly string[],
  { comment, delimiter }: CsvDialect,
  records: readonly SampleRecord[],
  { start, width }: TableShape,
): boolean {
  if (comment === undefined || width === 1) return false;
  const before = lines.slice(0, (records[start]?.line ?? 1) - 1).findLast((line) => line.trim() !== '');
  return before?.startsWith(comment) === true && before.split(delimiter).length === width;
}

/** From 0, no table, to 1. */
function scoreOf(dialect: CsvDialect, records: readonly SampleRecord[], shape: TableShape): number {
  const { width, start, agreement } = shape;
  const rows = records.slice(start, start + MAX_ROWS).flatMap(({ cells }) => (cells === null ? [] : [cells]));
  const isRare = !(COMMON_DELIMITERS as readonly string[]).includes(dialect.delimiter);
  if (isRare && (agreement < RARE_AGREEMENT || rows.length < 3)) return 0;
  const columns = width === 1 ? 0.1 : 1 - 1 / width ** 2;
  // What stands before the table speaks against it a little: a reading without such lines is the better one.
  const whole = (records.length - start * 0.3) / records.length;
  return (
    agreement ** 3 *
    columns *
    likeValues(rows, dialect) *
    whole *
    (isRare ? RARE : 1) *
    (dialect.comment === undefined ? 1 : 0.99) *
    QUOTES_WORTH[dialect.quotes ?? 'strict']
  );
}

/** How much the cells look like values rather than like text that was cut wrongly: from 0 to 1. */
function likeValues(rows: readonly (readonly string[])[], dialect: CsvDialect): number {
  let sum = 0;
  let count = 0;
  for (const row of rows) {
    for (const cell of row) {
      sum += worthOf(cell, dialect);
      count += 1;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** How much one cell looks like a value: from 0 to 1. */
function worthOf(cell: string, dialect: CsvDialect): number {
  const { delimiter } = dialect;
  const kind = cellKind(cell);
  if (kind === 'empty') return 0.9;
  if (kind !== 'text') return 1;
  const text = cell.trim();
  // Rather rows that a quote holds together than a text of several lines.
  if (/[\r\n]/.test(text) && text.includes(delimiter)) return 0.1;
  // It is enclosed by other quotes, or by halves of them.
  if (/^['"]|['"]$/.test(text) && quoteOf(dialect) !== text[0]) return text[0] === text.at(-1) ? 0.3 : 0.5;
  // Another delimiter without a blank behind it, as no prose has it.
  for (const other of COMMON_DELIMITERS) {
    if (other === delimiter) continue;
    if (CUTS[other].test(text)) return 0.3;
  }
  return 0.85;
}

function hidesColumns({ shape }: Reading, lines: readonly string[]): boolean {
  const filled = lines.filter((line) => line.trim() !== '');
  const cut = filled.filter((line) => COMMON_DELIMITERS.some((each) => line.includes(each)));
  return shape.width === 1 && cut.length > filled.length / 2;
}

/** Quotes and comments may be read in several ways that give the same table. */
function isSameTable(one: Reading, other: Reading): boolean {
  return (
    one.dialect.delimiter === other.dialect.delimiter &&
    one.shape.width === other.shape.width &&
    one.records[one.shape.start]?.line === other.records[other.shape.start]?.line
  );
}

function describe(
  best: Reading,
  second: Reading | null,
  { given, names = [], said, lines }: SniffRequest & { said: boolean; lines: readonly string[] },
): SniffedDialect {
  const { records, shape } = best;
  const reasons: string[] = [];
  if (said) reasons.push(`its first line says sep=${shown(best.dialect.delimiter)}`);
  const table = records.slice(shape.start).filter(({ cells }) => cells?.length === shape.width || shape.trailing);
  const [first, ...others] = table.flatMap(({ cells }) => (cells === null ? [] : [cells]));
  const header = headerOf(first ?? [], others, given.header, names);
  const line = records[shape.start]?.line ?? 1;
  const skipLines =
    given.skipLines ?? (said || isPreamble(records.slice(0, shape.start), header.isHeader) ? line - 1 : 0);
  const fitting = Math.round(shape.agreement * (records.length - shape.start));
  const misfits = records.length - shape.start - fitting;
  reasons.push(
    `delimiter ${shown(best.dialect.delimiter)} makes ${fitting} of ${fitting + misfits} records ${shape.width} ${shape.width === 1 ? 'field' : 'fields'} wide`,
  );
  if (shape.trailing)
    reasons.push('each row ends with a delimiter that the header does not have, so it has a field too many');
  const { quotes } = best.dialect;
  if (quotes === 'none') reasons.push('quotes stand in its fields and enclose none');
  else if (quotes === 'lax') reasons.push('quotes stand within its fields, too');
  if (skipLines > 0 && !said) reasons.push(`line ${line} is the first one of the table`);
  reasons.push(header.reason);
  const isTrimmed = given.trim ?? isPadded(others);
  const dialect = {
    ...best.dialect,
    header: header.isHeader,
    ...defined({ skipLines: skipLines > 0 ? skipLines : undefined, trim: isTrimmed ? true : undefined }),
  };
  return {
    dialect,
    confidence: Number((second === null ? 1 : 1 - second.score / best.score).toFixed(2)),
    runnerUp: second?.dialect ?? null,
    reasons,
    columns: shape.width,
    rows: fitting - Number(header.isHeader),
    misfits,
    hidesColumns: hidesColumns(best, lines),
  };
}

function headerOf(
  first: readonly string[],
  others: readonly (readonly string[])[],
  given: boolean | undefined,
  names: readonly string[],
): HeaderFinding {
  if (given !== undefined) return { isHeader: given, reason: given ? 'it has a header' : 'it has no header' };
  const known = new Set(names.map((name) => name.toLowerCase()));
  const found = first.filter((name) => known.has(name.trim().toLowerCase())).length;
  if (found > 0 && found * 2 >= Math.min(known.size, first.length)) {
    return { isHeader: true, reason: 'its first line has names of the model' };
  }
  return findHeader(first, others);
}

/**
 * Whether these lines are none of the table's rows. If no header says where that begins, only those without a delimiter
 * are: a row that is broken, or has a field too many, is rejected rather than skipped.
 */
function isPreamble(records: readonly SampleRecord[], hasHeader: boolean): boolean {
  return records.length > 0 && (hasHeader || records.every(({ cells }) => cells?.length === 1));
}

/** Most cells behind the first column have blanks around them. */
function isPadded(rows: readonly (readonly string[])[]): boolean {
  const cells = rows.flatMap((row) => row.slice(1).filter((cell) => cell.trim() !== ''));
  return cells.length > 0 && cells.filter((cell) => cell.trim() !== cell).length > cells.length * 0.6;
}

/** Without the members that are undefined. */
function defined<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/** A character as a person would write it. */
function shown(character: string): string {
  return character === '\t' ? 'tab' : JSON.stringify(character);
}

/** Two readings explain the text equally well, or none makes a table of it. */
export function isUnclear({ columns, runnerUp, confidence, hidesColumns }: SniffedDialect): boolean {
  return hidesColumns || (columns > 1 && runnerUp !== null && confidence < SURE);
}

/** Throws DIALECT_UNCLEAR, with the reason, if it is. */
export function refuseUnclear(sniffed: SniffedDialect): void {
  if (!isUnclear(sniffed)) return;
  const { dialect, runnerUp, hidesColumns } = sniffed;
  const other = runnerUp === null ? '' : shown(runnerUp.delimiter);
  const detail = hidesColumns
    ? 'most lines have delimiters, but none makes rows of the same width of them'
    : `the delimiter may be ${shown(dialect.delimiter)} or ${other}: both make a table of the first lines`;
  throw new ServiceError('DIALECT_UNCLEAR', detail);
}
