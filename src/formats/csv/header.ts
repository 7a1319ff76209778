import { isUtf8 } from 'node:buffer';
import { ServiceError } from '../../errors/index.js';
import { areForAll, type CsvDialect, checkDialect, type HeaderNames, type NullValues } from '../../ingest/index.js';
import type { Column } from '../../models/schema/index.js';
import { MAX_ROW_BYTES } from '../limits.js';
import type { Position, Renames } from '../row-reader.js';
import type { Normalizations } from '../validation/normalization.js';
import { trimmed } from './field-text.js';
import { FieldParser } from './fields.js';
import { headerAdvice } from './header-advice.js';
import { checkNamed, checkNames, distinctNames, matchHeader, renameColumns } from './header-matching.js';
import { RecordSplitter } from './record-splitter.js';

export interface CsvHeader {
  /**
   * The names in the file's order, as `renames` and `ignoreHeaderCase` have them; without a header line the model's, in the
   * model's order.
   */
  columns: string[];
  /** The same as the file has them, and as they were made of empty and repeated ones. */
  fileColumns: string[];
  /** Where the data begins. */
  position: Position;
}

export interface CsvHeaderOptions {
  dialect: CsvDialect;
  /** The model's. */
  columns: readonly Column[];
  additionalColumns: boolean;
  renames?: Renames | undefined;
  /** What becomes of empty and repeated names. Absent: `lenient`. */
  headerNames?: HeaderNames | undefined;
  /** A name that no column of the model has stands for the only one that it equals in lower case. */
  ignoreHeaderCase?: boolean | undefined;
  normalize?: Normalizations | undefined;
  nullValues?: NullValues | undefined;
}

/** Size limit of the kept copy of the lines before the data: skipped lines have no limit. */
const MAX_KEPT_BYTES = 2 * MAX_ROW_BYTES;

/** What stands before the data. */
type HeaderLine = Omit<CsvHeader, 'fileColumns'>;

/**
 * Reads the header from the beginning of the file and matches it with the model; takes no more chunks than it needs
 * (a header is at most 1,000,000 bytes). Throws ServiceError HEADER_MISMATCH if the header is missing, broken or does
 * not fit the model, with the options by which it would, INVALID_OPTION if the dialect is contradictory.
 *
 *     const header = await readCsvHeader(createReadStream(path), { dialect, columns, additionalColumns });
 *     const reader = createCsvReader({ dialect, columns, additionalColumns, header, position: checkpoint?.position });
 *     for await (const chunk of createReadStream(path, { start: reader.position.byte })) { reader.push(chunk); … }
 */
export async function readCsvHeader(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CsvHeaderOptions,
): Promise<CsvHeader> {
  checkDialect(options.dialect);
  const seen: Uint8Array[] = [];
  try {
    return await readHeader(keepCopies(chunks, seen), options);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'HEADER_MISMATCH') throw error;
    const beginning = Buffer.concat(seen);
    const namesBy = (text: Buffer, dialect: CsvDialect): string[] | null => usableNames(text, dialect, options);
    const advice = headerAdvice({ ...options, beginning, namesBy });
    throw advice === null ? error : mismatch(`${error.message}; ${advice}`);
  }
}

/** Passes the chunks on and keeps copies of them; keeps nothing if they have more than MAX_KEPT_BYTES. */
async function* keepCopies(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  copies: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes <= MAX_KEPT_BYTES) copies.push(new Uint8Array(chunk));
    else copies.length = 0;
    yield chunk;
  }
}

/** The names in a header of a file that begins like this; null: there is none, or its names are not usable. */
function usableNames(beginning: Uint8Array, dialect: CsvDialect, options: CsvHeaderOptions): string[] | null {
  const splitter = new RecordSplitter(dialect, { byte: 0, line: 0 }, dialect.skipLines);
  splitter.push(beginning);
  splitter.end();
  try {
    const names = modelNames(madeNames(headerFrom(splitter, dialect)?.columns ?? [], options), options);
    checkNames(names);
    return names.length > 0 ? names : null;
  } catch (error) {
    if (error instanceof ServiceError) return null;
    throw error;
  }
}

async function readHeader(chunks: AsyncIterable<Uint8Array>, options: CsvHeaderOptions): Promise<CsvHeader> {
  const { dialect } = options;
  const { columns: found, position } = dialect.header
    ? await readHeaderLine(chunks, dialect)
    : { columns: modelOrder(options.columns), position: await readSkippedLines(chunks, dialect) };
  const fileColumns = dialect.header ? madeNames(found, options) : found;
  const columns = modelNames(fileColumns, options);
  matchHeader(columns, options.columns, options.additionalColumns);
  checkNamed(Object.keys(options.normalize ?? {}), columns, options.columns, 'normalizes');
  const { nullValues = [] } = options;
  if (!areForAll(nullValues)) {
    checkNamed(Object.keys(nullValues), columns, options.columns, 'names null values of');
  }
  return { columns, fileColumns, position };
}

/** The header of a file whose columns are known by now, for a reader of rows from `position` on. */
export function knownCsvHeader(
  fileColumns: readonly string[],
  position: Position,
  options: CsvHeaderOptions,
): CsvHeader {
  return { columns: modelNames(fileColumns, options), fileColumns: [...fileColumns], position };
}

function madeNames(names: readonly string[], { headerNames }: CsvHeaderOptions): string[] {
  return headerNames === 'strict' ? [...names] : distinctNames(names);
}

/** The names by which the model's columns are found. Throws HEADER_MISMATCH as `renameColumns` does. */
function modelNames(fileColumns: readonly string[], options: CsvHeaderOptions): string[] {
  const names = renameColumns(fileColumns, options.renames);
  if (options.ignoreHeaderCase !== true) return names;
  const known = new Set(options.columns.map(({ name }) => name));
  const byLowerCase = Map.groupBy(known, (name) => name.toLowerCase());
  return names.map((name) => {
    if (known.has(name)) return name;
    const [found = name, ...others] = byLowerCase.get(name.toLowerCase()) ?? [];
    return others.length === 0 ? found : name;
  });
}

/** The number of fields in the first record of a file that begins like this; null if there is none. */
export function readCsvWidth(beginning: Uint8Array, isWhole: boolean, dialect: CsvDialect): number | null {
  const splitter = new RecordSplitter(dialect, { byte: 0, line: 0 }, dialect.skipLines);
  splitter.push(beginning);
  if (isWhole) splitter.end();
  for (let found = splitter.find(); found !== 'more' && found !== 'end'; found = splitter.find()) {
    const { bytes, start, stop } = splitter;
    if (found === 'record') return new FieldParser(dialect).parse(bytes.subarray(start, stop), 1).flat().length;
  }
  return null;
}

function modelOrder(columns: readonly Column[]): string[] {
  if (columns.length === 0) throw mismatch('a file without a header line needs a model that names its columns');
  return columns.map((column) => column.name);
}

/** Where the data begins in a file without a header line. */
async function readSkippedLines(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  dialect: CsvDialect,
): Promise<Position> {
  const beginning = { row: 0, line: 0, byte: 0 };
  if ((dialect.skipLines ?? 0) === 0) return beginning;
  const splitter = new RecordSplitter(dialect, beginning, dialect.skipLines);
  for await (const chunk of chunks) {
    splitter.push(chunk);
    if (splitter.skipLines()) return { row: 0, line: splitter.consumedLines, byte: splitter.consumedBytes };
  }
  splitter.end();
  splitter.skipLines();
  return { row: 0, line: splitter.consumedLines, byte: splitter.consumedBytes };
}

async function readHeaderLine(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  dialect: CsvDialect,
): Promise<HeaderLine> {
  const splitter = new RecordSplitter(dialect, { byte: 0, line: 0 }, dialect.skipLines);
  for await (const chunk of chunks) {
    splitter.push(chunk);
    const header = headerFrom(splitter, dialect);
    if (header !== null) return header;
  }
  splitter.end();
  const header = headerFrom(splitter, dialect);
  if (header === null) throw mismatch('the file has no header line');
  return header;
}

/** null: not decided yet, or the file has ended. */
function headerFrom(splitter: RecordSplitter, dialect: CsvDialect): HeaderLine | null {
  const found = splitter.find();
  if (found === 'more') {
    // A broken line may go on for the whole file: what it is will not change.
    if (splitter.broken) throw mismatch(brokenHeader(splitter));
    return null;
  }
  if (found === 'end') return null;
  if (found === 'broken') throw mismatch(brokenHeader(splitter));
  const { bytes, start, stop } = splitter;
  const record = bytes.subarray(start, stop);
  if (!isUtf8(record))
    throw mismatch("the header line is not valid text in the file's encoding; set `encoding` if it is another");
  return {
    columns: headerNames(record, dialect),
    position: { row: 0, line: splitter.consumedLines, byte: splitter.consumedBytes },
  };
}

function headerNames(record: Buffer, dialect: CsvDialect): string[] {
  const parser = new FieldParser(dialect);
  const names = parser.parse(record, 1).flat();
  if (dialect.trim !== true) return names;
  return names.map((name, index) => (parser.isQuoted(record, 0, record.length, index) ? name : trimmed(name)));
}

function brokenHeader(splitter: RecordSplitter): string {
  switch (splitter.breakCode) {
    case 'STRAY_QUOTE':
      return 'the header line has a quote in the middle of a name';
    case 'UNTERMINATED_QUOTE':
      return 'the header line opens a quote that is never closed';
    case 'ROW_TOO_LARGE':
      return 'the header line is larger than 1,000,000 bytes';
  }
}

function mismatch(detail: string): ServiceError {
  return new ServiceError('HEADER_MISMATCH', detail);
}
