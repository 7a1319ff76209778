import type { DecompressionLimits, ReadableFile } from '../decoding/index.js';
import { type CsvKernel, openParquet, type RowConsumer } from '../formats/index.js';
import { type FileReading, type Position } from '../ingest/index.js';
import { StreamRowSource } from './stream-row-source.js';

/**
 * The rows of one spooled file, in its order, from where a checkpoint left off: what a job's loop pulls through.
 * One caller at a time; a source that has failed is not used again.
 */
export interface RowSource {
  /** The file's columns in its order; null if the format has none. */
  readonly columns: string[] | null;
  /** Behind the last row that was decided: what a checkpoint stores, and a new source goes on from. */
  readonly position: Position;
  /** Approximate number of bytes of the stored file that were read for these rows: what progress counts. */
  readonly bytesDone: number;
  /** A read is under way: memory that was lent to the source is being written to. */
  readonly isReading: boolean;
  /**
   * Decides a bounded number of rows; false once the file has ended and every row is decided. Throws fs errors, and
   * ServiceError if the file cannot be read further.
   */
  advance(consumer: RowConsumer): Promise<boolean>;
  /** Frees what the garbage collector does not; an `advance` that is under way may fail. The file stays the caller's. */
  close?(): void;
}

/** What a hostile file may take. */
export interface RowSourceLimits {
  decompression: DecompressionLimits;
  /** Limit of the Parquet decoder's memory. */
  decoderBytes: number;
}

/**
 * Opens the rows of a file by its format, from a checkpoint's position or the beginning; `kernel` is what `readerOf`
 * asks for, else null. Throws ServiceError HEADER_MISMATCH if the file does not fit the model, FILE_CORRUPT,
 * FILE_TOO_COMPLEX, or fs errors.
 */
export async function openRowSource(
  file: ReadableFile,
  job: FileReading,
  from: Position | null,
  kernel: CsvKernel | null,
  limits: RowSourceLimits,
): Promise<RowSource> {
  switch (job.format) {
    case 'csv':
      return StreamRowSource.openCsv(file, job, from, kernel, { ...job.sourceEncoding, limits: limits.decompression });
    case 'json':
    case 'ndjson':
      return StreamRowSource.openJson(file, job, from, { ...job.sourceEncoding, limits: limits.decompression });
    case 'parquet':
      return openParquet({
        ...job,
        file,
        size: job.sizeBytes,
        renames: job.options.rename,
        normalize: job.options.normalize,
        position: from ?? undefined,
        maxBytes: limits.decoderBytes,
      });
  }
}

/** Which reader takes the job's rows. */
export function readerName({
  format,
  options,
}: Pick<FileReading, 'format' | 'options'>): 'kernel' | 'reference' | 'json' | 'ndjson' | 'parquet' {
  if (format !== 'csv') return format;
  const normalizes = Object.keys(options.normalize).length > 0;
  return options.csvReader === 'auto' && !normalizes ? 'kernel' : 'reference';
}
