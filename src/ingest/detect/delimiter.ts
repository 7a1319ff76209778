import { COMMON_DELIMITERS, type CsvDialect } from '../csv-dialect.js';

const MAX_RECORDS = 100;

interface Guess {
  delimiter: string;
  /** The model's columns that it finds. */
  matches: number;
  /** The share of records with as many fields as the first. */
  agreement: number;
  fields: number;
}

/**
 * The likeliest delimiter of a CSV file, by the beginning of its text in UTF-8: the one that finds most of the model's
 * columns in the header, in any case, then the one that cuts most records alike, then the one that cuts them finest; a comma if
 * none cuts anything. A guess: it decides about no row.
 */
export function sniffDelimiter(
  text: Buffer,
  dialect: Omit<CsvDialect, 'delimiter'>,
  columns: readonly string[],
): string {
  const lines = text.toString();
  const taken = [dialect.quote, dialect.escape, dialect.comment];
  const guesses = COMMON_DELIMITERS.filter((each) => !taken.includes(each)).map((each) =>
    judge(lines, each, dialect, columns),
  );
  const likely = guesses.filter(({ fields }) => fields > 1).toSorted(byLikelihood);
  return likely[0]?.delimiter ?? ',';
}

function byLikelihood(a: Guess, b: Guess): number {
  return b.matches - a.matches || b.agreement - a.agreement || b.fields - a.fields;
}

function judge(
  text: string,
  delimiter: string,
  dialect: Omit<CsvDialect, 'delimiter'>,
  columns: readonly string[],
): Guess {
  const records = readRecords(text, { ...dialect, delimiter });
  const [first = []] = records;
  const alike = records.filter((record) => record.length === first.length).length;
  const found = new Set(first.map((name) => name.toLowerCase()));
  const named = columns.filter((name) => found.has(name.toLowerCase())).length;
  const matches = dialect.header ? named : Number(first.length === columns.length);
  return { delimiter, matches, agreement: alike / Math.max(1, records.length), fields: first.length };
}

/** The first records' fields, without their quotes and the blanks around them. What is cut off at the end is left out. */
function readRecords(text: string, dialect: CsvDialect): string[][] {
  const { delimiter, quote, comment } = dialect;
  const own = dialect.escape ?? quote;
  const records: string[][] = [];
  let at = behindLines(text, dialect.skipLines ?? 0);
  while (at < text.length && records.length < MAX_RECORDS) {
    const fields: string[] = [];
    let field = '';
    let inside = false;
    const isComment = text[at] === comment;
    for (; at < text.length; at++) {
      const character = text[at] as string;
      if (inside && own !== quote && character === own) field += text[++at] ?? '';
      else if (character === quote && (inside || field === '')) inside = !inside;
      else if (!inside && character === delimiter) {
        fields.push(field.trim());
        field = '';
      } else if ((!inside || isComment) && (character === '\n' || character === '\r')) break;
      else field += character;
    }
    fields.push(field.trim());
    const isWhole = at < text.length || records.length === 0;
    if (isWhole && !isComment && (fields.length > 1 || fields[0] !== '')) records.push(fields);
    at += 1;
  }
  return records;
}

/** Index of the text behind a byte order mark and `lines` lines. */
function behindLines(text: string, lines: number): number {
  const lineEnds = /\r\n|\r|\n/g;
  for (let line = 0; line < lines; line++) {
    if (lineEnds.exec(text) === null) return text.length;
  }
  return lines === 0 && text.startsWith('\uFEFF') ? 1 : lineEnds.lastIndex;
}
