import { ServiceError } from '../../errors/index.js';
import type { Column } from '../../models/schema/index.js';
import { BLOCK_BYTES, BLOCK_ROWS } from '../limits.js';
import type { Position, Renames, RowConsumer } from '../row-reader.js';
import type { Normalizations } from '../validation/normalization.js';
import type { ArrowField } from './arrow-data.js';
import { RowFlags } from './columns/value-reader.js';
import { type BatchStream, type DecodedBatch, Decoder, DecoderTrap, outOfMemory } from './decoder.js';
import { fieldConversions } from './field-conversion.js';
import type { RandomAccessFile } from './file-bytes.js';
import type { RowGroup } from './file-metadata.js';
import { type FileField, fileFields } from './file-type.js';
import { type Footer, readFooter } from './footer.js';
import { findPageFault } from './page-faults.js';
import { RowEncoder } from './row-encoder.js';

/**
 * Approximate minimum and maximum share of the decoder's memory for the rows that it unpacks at a time, as divisors: in
 * between, as much as their row group has in the file. Memory once used is never given back, so smaller is better; but
 * for each slice the row group is read and skipped through anew.
 */
const MIN_SLICE_SHARE = 16;
const MAX_SLICE_SHARE = 4;
const MIN_SLICE_ROWS = 64;
const MAX_BATCH_ROWS = 8192;
/** What a value takes when it is unpacked, beside its own bytes: place, length, null. */
const VALUE_BYTES = 12;
/** Limit of the JSON that a file may become: FREE_OUTPUT_BYTES whatever its size, and OUTPUT_RATIO times its size on top. */
const FREE_OUTPUT_BYTES = 1024 ** 3;
const OUTPUT_RATIO = 1_000;

const CANNOT_UNPACK =
  'cannot be unpacked: its pages are there, but what is inside is damaged, or written in a way that is not supported';

/** Rows that are unpacked together, up to `endRow` of the file. */
interface Slice {
  stream: BatchStream;
  endRow: number;
}

export interface ParquetReaderOptions {
  file: RandomAccessFile;
  /** Size of the file in bytes. */
  size: number;
  /** The model's. */
  columns: readonly Column[];
  additionalColumns: boolean;
  renames?: Renames | undefined;
  /** Normalizations of the texts of columns. */
  normalize?: Normalizations | undefined;
  /** One that a reader of the same file had; absent: the beginning. */
  position?: Position | undefined;
  /** Limit of the decoder's memory. */
  maxBytes: number;
}

/**
 * Reads a Parquet file, one row group after the other, a slice of one at a time: what is unpacked has its bounds, while
 * what lies before a slice is skipped each time. An accepted row's value is one JSON object with the file's columns in
 * its order. A position's `row` alone says where to go on; its `byte` counts the bytes of the row groups behind, for the
 * progress.
 */
export class ParquetReader {
  #group: number;
  /** Rows of the file before the group, and bytes. */
  #groupStart: { row: number; byte: number };
  #row: number;
  #slice: Slice | undefined;
  #batch: { rows: number; next: number } | undefined;
  #outputBytes = 0;
  /** The decoder is at work. */
  #isDecoding = false;

  private constructor(
    private readonly size: number,
    private readonly footer: Footer,
    private readonly decoder: Decoder,
    private readonly encoder: RowEncoder,
    private readonly maxBytes: number,
    /** The columns in the file's order. */
    readonly fields: readonly FileField[],
    row: number,
  ) {
    this.#row = row;
    this.#group = 0;
    this.#groupStart = { row: 0, byte: 0 };
    while (this.#isBehind()) this.#nextGroup();
  }

  /**
   * Throws ServiceError HEADER_MISMATCH if the file's columns do not fit the model, FILE_CORRUPT, FILE_TOO_COMPLEX,
   * or fs errors; so does `advance`, but for the first.
   */
  static async open(options: ParquetReaderOptions): Promise<ParquetReader> {
    const { file, size, maxBytes, position } = options;
    const footer = await readFooter(file, size, maxBytes);
    const { decoder, fields } = await openDecoder(footer, maxBytes);
    const notes = new RowFlags();
    const fileColumns = fileFields(fields, footer.leaves);
    const conversions = fieldConversions(fileColumns, options, notes);
    return new ParquetReader(
      size,
      footer,
      decoder,
      new RowEncoder(conversions, notes),
      maxBytes,
      fileColumns,
      position?.row ?? 0,
    );
  }

  /** The names in the file's order. */
  get columns(): string[] {
    return this.fields.map(({ name }) => name);
  }

  get position(): Position {
    const { row, byte } = this.#groupStart;
    const group = this.footer.rowGroups[this.#group];
    if (group === undefined) return { row: this.#row, line: 0, byte: this.size };
    const done = group.rows === 0 ? 0 : (this.#row - row) / group.rows;
    return { row: this.#row, line: 0, byte: Math.min(this.size, byte + Math.floor(done * group.compressedBytes)) };
  }

  /** Number of bytes of the file that were read. */
  get bytesDone(): number {
    return this.position.byte;
  }

  get isReading(): boolean {
    return this.footer.bytes.isReading;
  }

  /** Decides a bounded number of rows; false once the file has ended. */
  async advance(consumer: RowConsumer): Promise<boolean> {
    if (this.#batch !== undefined) {
      this.#decide(this.#batch, consumer);
      return true;
    }
    const group = this.footer.rowGroups[this.#group];
    if (group === undefined) return false;
    this.#isDecoding = true;
    const { slice, batch } = await this.#decode(group);
    this.#isDecoding = false;
    // By the first batch the decoder has all of the row group in its own memory.
    this.footer.bytes.release();
    if (batch === null) this.#endSlice(slice.endRow);
    else {
      this.encoder.bind(batch.columns, batch.memory);
      this.#batch = { rows: batch.rows, next: 0 };
      if (this.#row + batch.rows > slice.endRow) throw corrupt();
    }
    return true;
  }

  /** While the decoder is at work its memory cannot be freed: it goes with the process. */
  close(): void {
    if (this.#isDecoding) return;
    this.#slice?.stream.release();
    this.decoder.close();
  }

  async #decode(group: RowGroup): Promise<{ slice: Slice; batch: DecodedBatch | null }> {
    try {
      this.#slice ??= await this.#openSlice(group);
      return { slice: this.#slice, batch: await this.#slice.stream.next() };
    } catch (error) {
      throw error instanceof DecoderTrap ? await this.#failureOf(error) : error;
    }
  }

  /** Why the decoder has stopped, as far as that can be established. */
  async #failureOf(error: DecoderTrap): Promise<ServiceError> {
    const { bytes, metadata } = this.footer;
    const fault = await findPageFault(bytes, metadata, this.#group, this.maxBytes);
    if (fault?.kind === 'large') return outOfMemory(this.maxBytes, fault.text, error);
    const what = fault === null ? CANNOT_UNPACK : `is damaged: ${fault.text}`;
    return new ServiceError('FILE_CORRUPT', `the Parquet file ${what} (row group ${this.#group + 1})`, {
      cause: error,
    });
  }

  #decide(batch: { rows: number; next: number }, consumer: RowConsumer): void {
    const end = Math.min(batch.rows, batch.next + BLOCK_ROWS);
    let bytes = 0;
    while (batch.next < end && bytes < BLOCK_BYTES && consumer.hasRoom !== false) {
      this.#row += 1;
      bytes += this.encoder.decide(batch.next, this.#row, consumer);
      batch.next += 1;
    }
    if (batch.next === batch.rows) this.#batch = undefined;
    this.#outputBytes += bytes;
    if (this.#outputBytes > FREE_OUTPUT_BYTES + OUTPUT_RATIO * this.size) {
      throw new ServiceError(
        'FILE_TOO_COMPLEX',
        `the Parquet file (${this.size} bytes) expands to more than 1,000 times its size`,
      );
    }
  }

  async #openSlice(group: RowGroup): Promise<Slice> {
    const skip = this.#row - this.#groupStart.row;
    const rows = this.#sliceRows(group, group.rows - skip);
    const stream = await this.decoder.readRows(this.#group, skip, rows, Math.min(rows, MAX_BATCH_ROWS));
    return { stream, endRow: this.#row + rows };
  }

  /** Number of the rows left of a group that fit the memory, if their size is the average; all slices are alike. */
  #sliceRows({ rows, totalBytes, compressedBytes }: RowGroup, left: number): number {
    const average = totalBytes / rows + VALUE_BYTES * this.footer.leaves.length;
    const bytes = Math.min(Math.max(compressedBytes, this.maxBytes / MIN_SLICE_SHARE), this.maxBytes / MAX_SLICE_SHARE);
    const most = Math.max(MIN_SLICE_ROWS, Math.floor(bytes / average));
    return Math.ceil(left / Math.ceil(left / most));
  }

  #endSlice(endRow: number): void {
    if (this.#row !== endRow) throw corrupt();
    this.#slice = undefined;
    while (this.#isBehind()) this.#nextGroup();
  }

  #nextGroup(): void {
    const group = this.footer.rowGroups[this.#group];
    if (group === undefined) return;
    this.#groupStart = { row: this.#groupStart.row + group.rows, byte: this.#groupStart.byte + group.compressedBytes };
    this.#group += 1;
  }

  /** All rows of the group are decided. */
  #isBehind(): boolean {
    const group = this.footer.rowGroups[this.#group];
    return group !== undefined && this.#row >= this.#groupStart.row + group.rows;
  }
}

async function openDecoder(footer: Footer, maxBytes: number): Promise<{ decoder: Decoder; fields: ArrowField[] }> {
  try {
    const decoder = await Decoder.open(footer.bytes, maxBytes);
    return { decoder, fields: await decoder.fields() };
  } catch (error) {
    if (!(error instanceof DecoderTrap)) throw error;
    const what = 'its footer is damaged, or describes what is not supported';
    throw new ServiceError('FILE_CORRUPT', `the Parquet file cannot be unpacked: ${what}`, { cause: error });
  }
}

function corrupt(): ServiceError {
  return new ServiceError(
    'FILE_CORRUPT',
    "the Parquet file is damaged: a row group's number of rows differs from the footer",
  );
}
