import {
  type CsvReaderOptions,
  type createCsvReader,
  type Normalizations,
  type Rejection,
  type Renames,
  type RowReader,
  readCsvHeader,
} from '../../../src/formats/index.js';
import type { CsvDialect } from '../../../src/ingest/csv-dialect.js';
import type { HeaderNames, NullValues, Position, QuotedEmpty, QuotedNulls } from '../../../src/ingest/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';

export type CreateReader = typeof createCsvReader;

/** A decision in a form that can be compared and kept. */
export type Decision = { accepted: string } | { rejected: Omit<Rejection, 'raw'>; raw: string };

export interface Reading {
  decisions: Decision[];
  /** After every `advance`, with the number of decisions made by then. */
  positions: { position: Position; decided: number }[];
  columns: string[];
}

export interface Given {
  /** Text is UTF-8; anything else is bytes. */
  file: string | Uint8Array;
  schema?: unknown;
  delimiter?: string;
  quote?: string;
  header?: boolean;
  /** The rest of the dialect. */
  dialect?: Pick<CsvDialect, 'escape' | 'quotes' | 'comment' | 'skipLines' | 'trim'>;
  nullValues?: NullValues;
  quotedNulls?: QuotedNulls;
  quotedEmpty?: QuotedEmpty;
  headerNames?: HeaderNames;
  renames?: Renames;
  ignoreHeaderCase?: boolean;
  normalize?: Normalizations;
  valueFormat?: 'raw' | 'json';
}

/** Options for a reader of this file, its header read. */
export async function optionsFor(given: Given): Promise<CsvReaderOptions> {
  const { delimiter = ',', quote = '"', header = true, nullValues, quotedNulls, quotedEmpty, valueFormat } = given;
  const { renames, headerNames, ignoreHeaderCase, normalize } = given;
  const compiled = compileSchema(given.schema ?? { type: 'object' });
  const options = {
    ...compiled,
    dialect: { delimiter, quote, header, ...given.dialect },
    renames,
    headerNames,
    ignoreHeaderCase,
    normalize,
  };
  return {
    ...options,
    header: await readCsvHeader([bytesOf(given)], options),
    nullValues,
    quotedNulls,
    quotedEmpty,
    valueFormat,
  };
}

/** Reads the whole file with chunks that end at the given offsets of what is left of it. */
export async function readAll(create: CreateReader, given: Given, cuts: readonly number[] = []): Promise<Reading> {
  const options = await optionsFor(given);
  return readFrom(create(options), bytesOf(given), cuts, options.header.columns);
}

/** Reads from the reader's position to the end of the file. */
export function readFrom(
  reader: RowReader,
  file: Uint8Array,
  cuts: readonly number[] = [],
  columns: string[] = [],
): Reading {
  const reading: Reading = { decisions: [], positions: [], columns };
  const consumer = {
    accept(bytes: Uint8Array, start: number, end: number): void {
      reading.decisions.push({ accepted: latin1(bytes.subarray(start, end)) });
    },
    reject({ raw, ...rejected }: Rejection): void {
      reading.decisions.push({ rejected: structuredClone(rejected), raw: latin1(raw) });
    },
  };
  const advance = (): void => {
    for (let more = true; more; ) {
      more = reader.advance(consumer);
      reading.positions.push({ position: { ...reader.position }, decided: reading.decisions.length });
    }
  };
  const data = file.subarray(reader.position.byte);
  const ends = [...new Set(cuts.map((cut) => cut % (data.length + 1)))].sort((a, b) => a - b);
  // One buffer for all chunks, as the runner has it: a reader that kept a reference would show.
  const chunk = new Uint8Array(data.length);
  let from = 0;
  for (const to of [...ends, data.length]) {
    chunk.set(data.subarray(from, to));
    reader.push(chunk.subarray(0, to - from));
    advance();
    chunk.fill(0x22);
    from = to;
  }
  reader.end();
  advance();
  return reading;
}

export function bytesOf({ file }: Pick<Given, 'file'>): Uint8Array {
  return typeof file === 'string' ? Buffer.from(file) : file;
}

/** Bytes as text, one character a byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The other way round, of bytes that are UTF-8. */
export function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

/** UTF-8 text as `Decision` shows it. */
export function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The chunks of a file that is cut at these offsets. */
export function cutAt(file: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts, file.length];
  return ends.map((end, index) => file.subarray(ends[index - 1] ?? 0, end));
}
