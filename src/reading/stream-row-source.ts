import { type ByteSource, openByteSource, type ReadableFile, type SourceOptions } from '../decoding/index.js';
import {
  type CsvHeader,
  type CsvHeaderOptions,
  type CsvKernel,
  createCsvReader,
  createJsonArrayReader,
  createKernelReader,
  createNdjsonReader,
  type RowConsumer,
  type RowReader,
  readCsvHeader,
} from '../formats/index.js';
import { type FileReading, type Position } from '../ingest/index.js';
import { OffsetMappingConsumer } from './offset-mapping-consumer.js';
import type { RowSource } from './row-source.js';

const CHUNK_BYTES = 256 * 1024;

/**
 * The rows of a file that is a stream of bytes. Two chunks are held at a time: the
 * next one is being read while the rows of the last are decided.
 */
export class StreamRowSource implements RowSource {
  readonly #chunk: Buffer | undefined;
  #reading: Promise<number> | undefined;
  #ended = false;
  /** Around the consumer of the last `advance`, if the text is transcoded. */
  #offsets: OffsetMappingConsumer | undefined;

  private constructor(
    private readonly source: ByteSource,
    /** The file's columns in its order; null if its rows name their own. */
    readonly columns: string[] | null,
    private readonly reader: RowReader,
  ) {
    if (reader.directInput === undefined) this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /**
   * Reads the header first, always: a resumed run needs it too. Without a kernel the reference reader reads the rows.
   * Throws ServiceError HEADER_MISMATCH, or fs errors.
   */
  static async openCsv(
    file: ReadableFile,
    job: FileReading,
    from: Position | null,
    kernel: CsvKernel | null,
    sourceOptions: SourceOptions,
  ): Promise<StreamRowSource> {
    const { columns, additionalColumns, dialect } = job;
    if (dialect === null) throw new Error(`a job of format ${job.format} has no dialect`);
    const common = { ...job.options, columns, additionalColumns, dialect };
    const beginning = openByteSource(file, 0, sourceOptions);
    const header = await readHeader(beginning, { ...common, renames: job.options.rename });
    const options = { ...common, header, position: from ?? undefined };
    const reader = kernel === null ? createCsvReader(options) : createKernelReader(options, kernel);
    return new StreamRowSource(openByteSource(file, reader.position.byte, sourceOptions), header.fileColumns, reader);
  }

  /** Rows of JSON, an array's or one on each line, as the job says. */
  static openJson(
    file: ReadableFile,
    job: FileReading,
    from: Position | null,
    sourceOptions: SourceOptions,
  ): StreamRowSource {
    const { columns, additionalColumns } = job;
    const { valueFormat, normalize, rename: renames } = job.options;
    const options = { columns, additionalColumns, valueFormat, renames, normalize, position: from ?? undefined };
    const reader = job.format === 'ndjson' ? createNdjsonReader(options) : createJsonArrayReader(options);
    return new StreamRowSource(openByteSource(file, reader.position.byte, sourceOptions), null, reader);
  }

  get position(): Position {
    return atOrigin(this.reader.position, this.source);
  }

  get bytesDone(): number {
    // What was read ahead of the rows does not count, what it was decompressed to neither.
    return Math.min(this.source.fileBytes, this.position.byte);
  }

  /** A read is under way: the reader's memory is being written to. */
  get isReading(): boolean {
    return this.#reading !== undefined;
  }

  /** Decides a bounded number of rows; false once the file has ended and every row is decided. */
  async advance(consumer: RowConsumer): Promise<boolean> {
    if (this.reader.advance(this.#placed(consumer))) return true;
    if (this.#ended) return false;
    const bytes = await (this.#reading ?? this.#read());
    this.#reading = undefined;
    if (bytes === 0) {
      this.#ended = true;
      this.reader.end();
    } else if (this.#chunk === undefined) {
      this.reader.directInput?.commit(bytes);
      this.#reading = this.#read();
      // Whoever waits for it next sees the failure; nobody may, when the session ends.
      this.#reading.catch(() => undefined);
    } else {
      this.reader.push(this.#chunk.subarray(0, bytes));
    }
    return true;
  }

  #placed(consumer: RowConsumer): RowConsumer {
    const { source } = this;
    if (source.originOf === undefined) return consumer;
    if (this.#offsets?.consumer !== consumer)
      this.#offsets = new OffsetMappingConsumer(consumer, source.originOf.bind(source));
    return this.#offsets;
  }

  async #read(): Promise<number> {
    const space = this.#chunk ?? this.reader.directInput?.space;
    if (space === undefined) throw new Error('the reader takes no bytes');
    return this.source.read(space);
  }

  close(): void {
    this.source.close();
  }
}

/** Reads the header from the beginning of a file, and closes the source. */
async function readHeader(source: ByteSource, options: CsvHeaderOptions): Promise<CsvHeader> {
  try {
    const header = await readCsvHeader(chunksOf(source), options);
    return { ...header, position: atOrigin(header.position, source) };
  } finally {
    source.close();
  }
}

function atOrigin(position: Position, source: ByteSource): Position {
  return source.originOf === undefined ? position : { ...position, byte: source.originOf(position.byte) };
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = await source.read(chunk);
    if (bytes === 0) return;
    yield chunk.subarray(0, bytes);
  }
}
