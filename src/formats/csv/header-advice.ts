import { likelyEncoding, type TextEncoding, textHead } from '../../decoding/index.js';
import { COMMON_DELIMITERS, type CsvDialect } from '../../ingest/index.js';
import type { Column } from '../../models/schema/index.js';
import { compareNames } from './header-matching.js';
import { isUnclear, SNIFF_BYTES, sniffDialect } from './sniffer/sniff-dialect.js';

/** Flags in one message; a file that needs more of them has other columns. */
const MAX_RENAMES = 8;

/** A file whose header does not fit the model, and how it was read. */
export interface RefusedFile {
  /** The first bytes of its text. */
  beginning: Buffer;
  dialect: CsvDialect;
  /** The model's. */
  columns: readonly Column[];
  additionalColumns: boolean;
  /** The names that the model's columns would be found by in a text of another dialect; null: it has no usable header. */
  namesBy: (text: Buffer, dialect: CsvDialect) => string[] | null;
}

/** A dialect, the columns to rename for it, and how many of the model's are there then. */
interface Reading {
  dialect: CsvDialect;
  renames: readonly (readonly [string, string])[];
  known: number;
  /** Number of columns. */
  width: number;
  fits: boolean;
}

/**
 * With which options of a job the file would fit the model, for people: flags of the CLI, ready to be pasted; null if none
 * are known.
 */
export function headerAdvice(file: RefusedFile): string | null {
  const { dialect, columns } = file;
  const sample = file.beginning.subarray(0, SNIFF_BYTES);
  const encoding = likelyEncoding(sample, false);
  // It is in UTF-8 by now, or was taken for it.
  const text = encoding === 'utf-8' ? sample : textHead(sample, encoding);
  const names = columns.map(({ name }) => name);
  const sniffed = sniffDialect({ text, isWhole: file.beginning.length < SNIFF_BYTES, given: {}, names });
  const isClear = sniffed !== null && !isUnclear(sniffed);
  const asRead = readingBy(text, dialect, file);
  const others = [...(isClear ? [sniffed.dialect] : []), ...otherDelimiters(dialect)];
  const readings = [asRead, ...others.map((each) => readingBy(text, each, file))].filter((each) => each !== null);
  const fitting = readings.filter(({ fits }) => fits).toSorted((a, b) => a.renames.length - b.renames.length)[0];
  if (fitting !== undefined) {
    const flags = flagsFor(fitting, dialect, encoding);
    // Without any, something else than the names was wrong.
    return flags === '' ? null : `with ${flags} it fits`;
  }
  if (isClear && dialect.header && !sniffed.dialect.header && sniffed.columns === columns.length) {
    const flags = flagsFor({ dialect: sniffed.dialect, renames: [] }, dialect, encoding);
    return `its first line looks like data: with ${flags} its columns are the model's, in its order`;
  }
  // A model without columns takes any table that is one.
  const least = columns.length === 0 ? -1 : (asRead?.known ?? 0);
  const [best] = readings
    .filter(({ known, width }) => known > least && width > 1)
    .toSorted((a, b) => b.known - a.known);
  const flags = best === undefined ? '' : flagsFor(best, dialect, encoding);
  return flags === '' ? null : `it seems to be written for ${flags}`;
}

function otherDelimiters(dialect: CsvDialect): CsvDialect[] {
  const taken = [dialect.delimiter, dialect.quote, dialect.escape, dialect.comment];
  return COMMON_DELIMITERS.filter((each) => !taken.includes(each)).map((delimiter) => ({ ...dialect, delimiter }));
}

function readingBy(
  text: Buffer,
  dialect: CsvDialect,
  { columns, additionalColumns, namesBy }: RefusedFile,
): Reading | null {
  const names = dialect.header ? namesBy(text, dialect) : null;
  if (names === null) return null;
  const { missing, unexpected } = compareNames(names, columns, additionalColumns);
  const renames = nearNames(missing, unexpected);
  const renamed = names.map((name) => renames.find(([from]) => from === name)?.[1] ?? name);
  const rest = compareNames(renamed, columns, additionalColumns);
  const known = columns.filter(({ name }) => renamed.includes(name)).length;
  return {
    dialect,
    renames,
    known,
    width: names.length,
    fits: rest.missing.length + rest.unexpected.length === 0 && known > 0,
  };
}

/** The names that differ in case, accents, blanks and signs only. */
function nearNames(missing: readonly string[], unexpected: readonly string[]): (readonly [string, string])[] {
  const byPlainName = Map.groupBy(unexpected, plain);
  return missing
    .flatMap((name) => {
      const [found, ...others] = byPlainName.get(plain(name)) ?? [];
      return found === undefined || others.length > 0 ? [] : [[found, name] as const];
    })
    .slice(0, MAX_RENAMES);
}

function plain(name: string): string {
  const letters = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
  return letters === '' ? name : letters;
}

/** What has to be said beside what was said. */
function flagsFor(
  { dialect, renames }: Pick<Reading, 'dialect' | 'renames'>,
  said: CsvDialect,
  encoding: TextEncoding,
): string {
  const flags = encoding === 'utf-8' ? [] : [`--encoding ${encoding}`];
  const {
    delimiter,
    quote,
    quotes = 'strict',
    escape: own = '',
    comment = '',
    skipLines = 0,
    trim = false,
    header,
  } = dialect;
  if (delimiter !== said.delimiter) flags.push(`--delimiter ${inShell(delimiter)}`);
  if (quote !== said.quote) flags.push(`--quote ${inShell(quote)}`);
  if (own !== (said.escape ?? '')) flags.push(`--escape ${inShell(own === '' ? quote : own)}`);
  if (quotes !== (said.quotes ?? 'strict')) flags.push(`--quotes ${quotes}`);
  if (comment !== (said.comment ?? '') && comment !== '') flags.push(`--comment ${inShell(comment)}`);
  if (skipLines !== (said.skipLines ?? 0)) flags.push(`--skip-lines ${skipLines}`);
  if (trim && said.trim !== true) flags.push('--trim');
  if (!header && said.header) flags.push('--no-header');
  const ofCase = renames.every(([from, to]) => from.toLowerCase() === to.toLowerCase());
  if (renames.length > 0 && ofCase) flags.push('--ignore-header-case');
  else for (const [from, to] of renames) flags.push(`--rename ${inShell(`${from}=${to}`)}`);
  return flags.join(' ');
}

/** A word that no shell changes. */
function inShell(text: string): string {
  if (text === '\t') return 'tab';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: delimiters may be such
  if (/[\x00-\x1f\x7f]/.test(text)) return `$'${[...text].map(inHex).join('')}'`;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function inHex(character: string): string {
  return /[ -~]/.test(character) ? character : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
