import { readFileSync } from 'node:fs';
import type * as Decoding from '../../src/decoding/index.js';
import type * as Formats from '../../src/formats/index.js';

/** What is compared of a file's dialect. */
export const SCORED = [
  'delimiter',
  'quote',
  'escape',
  'quotes',
  'header',
  'skip_lines',
  'comment',
  'encoding',
  'columns',
  'rows',
] as const;

/** What a sniffer says of a file. */
export type Found = Partial<Record<(typeof SCORED)[number], unknown>>;

/** A file of test/fixtures/dialects and how it is written. */
export interface DialectCase {
  file: string;
  /** What writes such files. */
  about: string;
  delimiter: string;
  quote: string;
  escape: string | null;
  quotes: 'strict' | 'lax' | 'none';
  header: boolean;
  skip_lines: number;
  comment: string | null;
  encoding: Decoding.TextEncoding;
  /** Number of its columns, and of its rows that have as many. */
  columns: number;
  rows: number;
}

export interface DialectScore {
  cases: number;
  /** Number of files by what is right of them. `all`: everything is. */
  right: Record<(typeof SCORED)[number] | 'all', number>;
  /** What was found otherwise, a line for each file. */
  wrong: string[];
}

/** The part of the service that finds dialects: its sources, or what was built of them. */
export interface Sniffer {
  decoding: Pick<typeof Decoding, 'likelyEncoding' | 'textHead'>;
  formats: Pick<typeof Formats, 'sniffDialect'>;
}

const FOLDER = new URL('../fixtures/dialects/', import.meta.url);

export const DIALECT_CASES = JSON.parse(readFileSync(new URL('cases.json', FOLDER), 'utf8')) as readonly DialectCase[];

export function readCase({ file }: DialectCase): Buffer {
  return readFileSync(new URL(file, FOLDER));
}

/** What the service's sniffer finds of the beginning of a file, with nothing said. */
export function sniffBytes({ decoding, formats }: Sniffer, bytes: Buffer, isWhole: boolean): Found {
  const encoding = decoding.likelyEncoding(bytes, isWhole);
  const text = decoding.textHead(bytes, encoding);
  const { dialect, columns, rows } = formats.sniffDialect({ text, isWhole, given: {} }) ?? {};
  const { delimiter, quote, quotes = 'strict', escape: own = null, header } = dialect ?? {};
  const { comment = null, skipLines = 0 } = dialect ?? {};
  return { delimiter, quote, quotes, escape: own, header, comment, skip_lines: skipLines, encoding, columns, rows };
}

/** How many of the cases are right by what was found of each; null: nothing. `compared`: what the finder tells. */
export function scoreDialects(
  find: (each: DialectCase) => Found | null,
  compared: readonly (typeof SCORED)[number][] = SCORED,
): DialectScore {
  const right = Object.fromEntries([...SCORED, 'all'].map((name) => [name, 0])) as DialectScore['right'];
  const wrong: string[] = [];
  for (const each of DIALECT_CASES) {
    const found = find(each) ?? {};
    const differing = compared.filter((name) => found[name] !== each[name]);
    for (const name of compared) right[name] += Number(!differing.includes(name));
    right.all += Number(differing.length === 0);
    const spell = (name: (typeof SCORED)[number]): string =>
      `${name} ${JSON.stringify(found[name])}, not ${JSON.stringify(each[name])}`;
    if (differing.length > 0) wrong.push(`${each.file}: ${differing.map(spell).join('; ')}`);
  }
  return { cases: DIALECT_CASES.length, right, wrong };
}
