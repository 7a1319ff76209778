import { readFileSync } from 'node:fs';
import { likelyEncoding, type TextEncoding, textHead } from '../../src/decoding/index.js';
import { type SniffedDialect, sniffDialect } from '../../src/formats/index.js';

/** A file of test/fixtures/dialects and how it is written. */
export interface DialectCase {
  file: string;
  /** What writes such files. */
  about: string;
  delimiter: string;
  quote: string;
  escape: string | null;
  header: boolean;
  skip_lines: number;
  comment: string | null;
  encoding: TextEncoding;
  /** Number of its columns, and of its rows that have as many. */
  columns: number;
  rows: number;
}

/** What is compared. `all` is right if everything else is. */
export const SCORED = [
  'delimiter',
  'quote',
  'escape',
  'header',
  'skip_lines',
  'comment',
  'encoding',
  'columns',
] as const;
export type Scored = (typeof SCORED)[number] | 'all';

export interface DialectScore {
  cases: number;
  right: Record<Scored, number>;
  /** What was found otherwise, a line for each file. */
  wrong: string[];
}

const FOLDER = new URL('../fixtures/dialects/', import.meta.url);

export const DIALECT_CASES = JSON.parse(readFileSync(new URL('cases.json', FOLDER), 'utf8')) as readonly DialectCase[];

export function readCase({ file }: DialectCase): Buffer {
  return readFileSync(new URL(file, FOLDER));
}

/** What the sniffer finds of a case, with nothing said. */
export function sniffCase(bytes: Buffer): { encoding: TextEncoding; sniffed: SniffedDialect | null } {
  const encoding = likelyEncoding(bytes, true);
  return { encoding, sniffed: sniffDialect({ text: textHead(bytes, encoding), isWhole: true, given: {} }) };
}

/** How many of the cases the sniffer gets right. */
export function scoreDialects(): DialectScore {
  const right = Object.fromEntries([...SCORED, 'all'].map((name) => [name, 0])) as Record<Scored, number>;
  const wrong: string[] = [];
  for (const each of DIALECT_CASES) {
    const { encoding, sniffed } = sniffCase(readCase(each));
    const { delimiter, quote, escape: own = null, header, comment = null, skipLines = 0 } = sniffed?.dialect ?? {};
    const { columns, rows } = sniffed ?? {};
    const found = { delimiter, quote, escape: own, header, comment, skip_lines: skipLines, encoding, columns, rows };
    const differing = SCORED.filter((name) => found[name] !== each[name]);
    for (const name of SCORED) right[name] += Number(!differing.includes(name));
    right.all += Number(differing.length === 0);
    if (differing.length === 0) continue;
    const differences = differing.map(
      (name) => `${name} ${JSON.stringify(found[name])}, not ${JSON.stringify(each[name])}`,
    );
    wrong.push(`${each.file}: ${differences.join('; ')}`);
  }
  return { cases: DIALECT_CASES.length, right, wrong };
}
