import {
  type BinaryLayout,
  CsvKernel,
  type CsvReaderOptions,
  createJsonArrayReader,
  createKernelReader,
  knownCsvHeader,
  type RowConsumer,
  type RowReader,
} from '../formats/index.js';
import type { RecordValues } from '../kafka/index.js';
import type { Column, ValueSchema } from '../models/schema/index.js';
import type { RecordFormat } from './record-format.js';

/** Called for each record, in order: its row as a JSON object in `bytes[start, end)`, valid during the call only. */
export type VisitJson = (bytes: Buffer, start: number, end: number, record: number) => void;

/** Takes rows in binary, and as JSON those that could not be written so, in one order. */
export interface BinaryVisitor {
  /** The next `rows` rows; the bytes are valid during the call only. */
  write(bytes: Uint8Array, rows: number): void;
  json: VisitJson;
}

/** Gives the rows of records as `value_format=json` has them, whatever their job was asked for. */
export interface RowDecoder {
  decode(values: RecordValues, visit: VisitJson): void;
  /** The columns that every row has, all of them the model's, if rows can be had in binary: in the order of their values. */
  readonly binaryColumns: readonly string[] | null;
  /** Only if there are `binaryColumns`, and each has a place in the layout. `numbers`: of the rows, by record. */
  decodeBinary(values: RecordValues, layout: BinaryLayout, numbers: Float64Array, visitor: BinaryVisitor): void;
}

export function createRowDecoder(format: RecordFormat): RowDecoder {
  if (format.format === 'parquet' || format.options.valueFormat === 'json') return new JsonValues();
  return format.format === 'csv' ? new CsvValues(format) : new RawJsonValues(format);
}

abstract class JsonOnly {
  readonly binaryColumns = null;

  decodeBinary(): never {
    throw new Error('these rows come as JSON only');
  }
}

/** They are in the topic as they are needed. */
class JsonValues extends JsonOnly implements RowDecoder {
  decode({ bytes, count, starts, ends }: RecordValues, visit: VisitJson): void {
    for (let i = 0; i < count; i++) visit(bytes, starts[i] as number, ends[i] as number, i);
  }
}

const LF = 0x0a;
const COMMA = 0x2c;

/** Lines of a CSV file, which the kernel reads a second time. */
class CsvValues implements RowDecoder {
  readonly binaryColumns: readonly string[] | null;
  readonly #kernel = new CsvKernel();
  readonly #options: CsvReaderOptions;

  constructor({ fileColumns, dialect, additionalColumns, options, ...format }: RecordFormat) {
    if (dialect === null || fileColumns === null) throw new Error('a job of CSV has no header, or no dialect');
    const columns = format.columns.map(unconstrained);
    const common = { ...options, columns, additionalColumns, dialect, renames: options.rename };
    // Not the beginning of a file, where a byte order mark may be.
    const header = knownCsvHeader(fileColumns, { row: 0, line: 1, byte: 1 }, common);
    const known = new Set(columns.map(({ name }) => name));
    this.#options = { ...common, header, valueFormat: 'json' };
    this.binaryColumns = header.columns.every((name) => known.has(name)) ? header.columns : null;
  }

  decode(values: RecordValues, visit: VisitJson): void {
    const reader = createKernelReader(this.#options, this.#kernel);
    readAgain(reader, new FileBytes(values, LF), visit);
  }

  decodeBinary(values: RecordValues, binary: BinaryLayout, numbers: Float64Array, visitor: BinaryVisitor): void {
    const reader = createKernelReader({ ...this.#options, binary }, this.#kernel);
    readAgain(reader, new FileBytes(values, LF), visitor.json, { numbers, write: visitor.write });
  }
}

/** Objects of an NDJSON file or of a JSON array. */
class RawJsonValues extends JsonOnly implements RowDecoder {
  constructor(private readonly format: RecordFormat) {
    super();
  }

  decode(values: RecordValues, visit: VisitJson): void {
    const { columns, additionalColumns, options } = this.format;
    const reader = createJsonArrayReader({
      columns: columns.map(unconstrained),
      additionalColumns,
      renames: options.rename,
      valueFormat: 'json',
    });
    readAgain(reader, new FileBytes(values, COMMA, { before: '[', after: ']' }), visit);
  }
}

/** A reader that has accepted rows accepts them again. */
function readAgain(
  reader: RowReader,
  file: FileBytes,
  visit: VisitJson,
  binary?: { numbers: Float64Array; write: BinaryVisitor['write'] },
): void {
  const { values } = file;
  let next = 0;
  let memory: Uint8Array | undefined;
  let view: Buffer = Buffer.alloc(0);
  const consumer: RowConsumer = {
    takesAnySize: true,
    ...(binary === undefined
      ? {}
      : {
          binary: {
            places(to, count) {
              for (let i = 0; i < count; i++) {
                to[2 * i] = binary.numbers[next + i] as number;
                to[2 * i + 1] = values.offsets[next + i] as number;
              }
            },
            write(bytes, rows) {
              next += rows;
              binary.write(bytes, rows);
            },
          },
        }),
    accept(bytes, start, end) {
      if (bytes !== memory) {
        memory = bytes;
        view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }
      visit(view, start, end, next++);
    },
    reject({ errors }) {
      throw new Error(`a row that was accepted is rejected now: ${errors[0]?.error}`);
    },
  };
  const direct = reader.directInput;
  for (;;) {
    const space = direct?.space ?? CHUNK;
    const size = file.fill(space);
    if (size === 0) break;
    if (direct === undefined) reader.push(space.subarray(0, size));
    else direct.commit(size);
    while (reader.advance(consumer));
  }
  reader.end();
  while (reader.advance(consumer));
  if (next !== values.count) throw new Error(`${values.count} records are read as ${next} rows`);
}

/** For readers that do not say where bytes are to be read to. */
const CHUNK = Buffer.allocUnsafeSlow(64 * 1024);

/** The values of records, as the bytes of a file again. */
class FileBytes {
  /** The record whose bytes come next, and the first of these; undefined: all. */
  #next = 0;
  #from: number | undefined;
  #isBegun = false;
  #isEnded = false;

  /** `around`: what the values stand between; there is no separator behind the last one then. */
  constructor(
    readonly values: RecordValues,
    private readonly separator: number,
    private readonly around?: { before: string; after: string },
  ) {}

  /** Copies the next bytes to `space`, which has room for some at least; gives their number, 0 if there are no more. */
  fill(space: Buffer): number {
    const { bytes, count, starts, ends } = this.values;
    let at = this.#isBegun ? 0 : space.write(this.around?.before ?? '', 'latin1');
    this.#isBegun = true;
    const separators = this.around === undefined ? count : count - 1;
    for (; this.#next < count; this.#next++) {
      const from = this.#from ?? (starts[this.#next] as number);
      const end = ends[this.#next] as number;
      const copied = bytes.copy(space, at, from, end);
      at += copied;
      this.#from = from + copied;
      if (this.#from < end || at === space.length) return at;
      if (this.#next < separators) space[at++] = this.separator;
      this.#from = undefined;
    }
    if (this.#isEnded || this.around === undefined || at === space.length) return at;
    this.#isEnded = true;
    return at + space.write(this.around.after, at, 'latin1');
  }
}

/** What was checked once need not be again. */
function unconstrained<T extends Column | ValueSchema>(column: T): T {
  return {
    ...column,
    constraints: {},
    ...(column.items === undefined ? {} : { items: unconstrained(column.items) }),
    ...(column.properties === undefined ? {} : { properties: column.properties.map(unconstrained) }),
  };
}
