import type { Job, RejectedRow } from './types.js';

type Dialect = NonNullable<Job['dialect']>;

/** Why a row is in no file: in words that go on after "row 5: ". */
export type OnLeftOut = (row: RejectedRow, reason: string) => void;

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * The rejected rows of a job as a file that can be corrected and sent again with the job's own options: CSV with the
 * header, dialect and encoding of the job's file, NDJSON if that was JSON or Parquet. Rows that no file can hold are
 * left out, and told.
 */
export async function* rejectedFile(
  job: Job,
  rows: AsyncIterable<RejectedRow>,
  onLeftOut: OnLeftOut | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encode = encoder(job.encoding);
  const beginning = beginningOf(job);
  if (beginning !== '') yield encode(beginning);
  for await (const row of rows) {
    const problem = problemOf(row, job);
    if (problem === null) yield encode(`${lineOf(row, job)}\n`);
    else onLeftOut?.(row, problem);
  }
}

/** What stands before the rows. */
function beginningOf({ encoding, dialect, file_columns: columns }: Job): string {
  const mark = encoding === 'utf-16le' || encoding === 'utf-16be' ? BYTE_ORDER_MARK : '';
  if (dialect === null) return mark;
  const header = dialect.header && columns !== null ? `${headerLine(columns, dialect)}\n` : '';
  return mark + '\n'.repeat(dialect.skip_lines) + header;
}

function headerLine(columns: readonly string[], dialect: Dialect): string {
  return columns.map((name, at) => field(name, dialect, at === 0)).join(dialect.delimiter);
}

/** In quotes wherever it would be read as something else without them. */
function field(name: string, dialect: Dialect, isFirst: boolean): string {
  const { delimiter, quote, quotes, comment, trim } = dialect;
  if (quotes === 'none') return name;
  const isPlain =
    ![delimiter, quote, '\n', '\r'].some((character) => name.includes(character)) &&
    !(isFirst && ((comment !== null && name.startsWith(comment)) || name.startsWith(BYTE_ORDER_MARK))) &&
    !(trim && /^[ \t]|[ \t]$/.test(name));
  if (isPlain) return name;
  const special = [dialect.escape, quote];
  return quote + Array.from(name, (each) => (special.includes(each) ? dialect.escape + each : each)).join('') + quote;
}

function lineOf({ raw_data: raw }: RejectedRow, { format }: Job): string {
  // Between the tokens of an element of an array they are blanks.
  return format === 'json' ? raw.replace(/[\r\n]+/g, ' ') : raw;
}

/** null: a file can hold it. */
function problemOf(row: RejectedRow, { encoding, dialect }: Job): string | null {
  if (row.stage !== undefined) return `it was rejected by ${row.stage.slice('sink:'.length)}, not by the model`;
  if (row.raw_truncated) return 'only its beginning is kept';
  if (row.raw_encoding === 'base64') return `it is not text in ${encoding ?? 'utf-8'}`;
  if (dialect !== null && endsInQuotes(row.raw_data, dialect)) {
    return 'it opens a quote that is not closed, and would take the rows behind it';
  }
  return row.raw_data.trim() === '' ? 'there is nothing in it' : null;
}

/** Whether a reader would look for the end of the row's last field in the lines behind it. */
function endsInQuotes(row: string, dialect: Dialect): boolean {
  if (dialect.quotes === 'none') return false;
  if (dialect.quotes === 'lax') return endsInLaxQuotes(row, dialect);
  const { delimiter, quote } = dialect;
  let at = 0;
  for (;;) {
    if (row[at] !== quote) {
      // A quote in the middle of a field breaks the row, up to the end of its line.
      const next = row.indexOf(delimiter, at);
      const stray = row.indexOf(quote, at);
      if (next < 0 || (stray >= 0 && stray < next)) return false;
      at = next + 1;
      continue;
    }
    const end = closingQuote(row, at + 1, dialect);
    if (end < 0) return true;
    if (row[end + 1] !== delimiter) return false;
    at = end + 2;
  }
}

function endsInLaxQuotes(row: string, dialect: Dialect): boolean {
  const { delimiter, quote, trim } = dialect;
  let at = 0;
  for (;;) {
    while (trim && (row[at] === ' ' || row[at] === '\t') && row[at] !== delimiter) at += 1;
    const end = row[at] === quote ? closingQuote(row, at + 1, dialect) : at;
    if (end < 0) return true;
    const next = row.indexOf(delimiter, end);
    if (next < 0) return false;
    at = next + 1;
  }
}

/** -1: there is none. */
function closingQuote(row: string, from: number, { quote, escape: own }: Dialect): number {
  for (let at = from; at < row.length; at++) {
    const takesNext = row[at] === own && (own !== quote || row[at + 1] === quote);
    if (takesNext) at += 1;
    else if (row[at] === quote) return at;
  }
  return -1;
}

function encoder(encoding: Job['encoding']): (text: string) => Uint8Array {
  switch (encoding) {
    case 'utf-16le':
      return (text) => utf16(text, true);
    case 'utf-16be':
      return (text) => utf16(text, false);
    case 'latin1':
      return (text) => Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
    case 'windows-1252':
      return windows1252();
    default: {
      const utf8 = new TextEncoder();
      return (text) => utf8.encode(text);
    }
  }
}

function utf16(text: string, isLittleEndian: boolean): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(text.length * 2));
  for (let at = 0; at < text.length; at++) bytes.setUint16(at * 2, text.charCodeAt(at), isLittleEndian);
  return new Uint8Array(bytes.buffer);
}

function windows1252(): (text: string) => Uint8Array {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const byteOf = new Map(Array.from(new TextDecoder('windows-1252').decode(bytes), (each, byte) => [each, byte]));
  return (text) => Uint8Array.from(text, (each) => byteOf.get(each) ?? 0x3f);
}
