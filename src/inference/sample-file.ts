import { openByteSource, type ReadableFile, type SourceEncoding } from '../decoding/index.js';
import { ServiceError } from '../errors/index.js';
import {
  MAX_ROW_BYTES,
  readCsvWidth,
  refuseUnclear,
  SNIFF_BYTES,
  sniffDialect,
  type ValueFormat,
} from '../formats/index.js';
import { type CsvDialect, DEFAULT_DIALECT, DEFAULT_OPTIONS } from '../ingest/index.js';
import type { Column } from '../models/schema/index.js';
import { EndOfPrefix, FilePrefix, openRowSource, type RowSource } from '../reading/index.js';
import { openFile } from '../storage/index.js';
import type { DialectDetection, InferenceResult } from './inference-result.js';
import type { InferenceTask } from './ipc.js';
import { JsonInference } from './json-inference.js';
import { inferParquet } from './parquet-sample.js';
import { parseRow } from './parse-json-row.js';
import { SAMPLE_BYTES, type SampleTaker, takeSample } from './sampling.js';
import { SchemaInference } from './schema-inference.js';
import { byName, refuseNoColumns } from './skipped-columns.js';

/** Maximum number of bytes to read, even if a row never ends. */
const MAX_READ_BYTES = 2 * SAMPLE_BYTES;
/** Limits of decompressing them. */
const DECOMPRESSION = { maxBytes: 2 * MAX_READ_BYTES, maxRatio: Number.POSITIVE_INFINITY };

/**
 * Infers a schema from a file's first rows, read by the reader that a job would use: a row that is broken here is
 * rejected there. `decoderBytes`: memory limit of Parquet's decoder. Throws ServiceError HEADER_MISMATCH
 * if no column has a usable name, or if there are too many, and what reading the file throws.
 */
export async function inferFile(task: InferenceTask, decoderBytes: number): Promise<InferenceResult> {
  const file = await openFile(task.file);
  try {
    const prefix = new FilePrefix(file, MAX_READ_BYTES, task.partial);
    switch (task.format) {
      case 'csv':
        return await inferCsv(prefix, task);
      case 'json':
      case 'ndjson':
        return await inferJson(prefix, task);
      case 'parquet':
        return await inferParquet(file, task, decoderBytes);
    }
  } finally {
    await file.close();
  }
}

async function inferCsv(file: ReadableFile, task: InferenceTask): Promise<InferenceResult> {
  const { format, nullValues } = task;
  const { dialect, detection } = await findDialect(file, task);
  const feed = await openCsv(file, task, dialect);
  const { usable, skipped_columns } = byName((feed.columns ?? []).map((name) => ({ name })));
  const columns = usable.map(({ name }) => name);
  const inference = new SchemaInference({ columns, nullValues });
  const sample = await sampleText(feed, task, {
    take: (row, number) => inference.take(JSON.parse(row) as Record<string, string | null>, number),
  });
  refuseNoColumns(columns, skipped_columns);
  const { encoding } = task.sourceEncoding;
  return { ...inference.conclude(), format, encoding, dialect, detection, ...sample, skipped_columns };
}

/** As was said; what was not is found out. Throws DIALECT_UNCLEAR if the file does not tell. */
async function findDialect(
  file: ReadableFile,
  { sourceEncoding, dialect: given }: InferenceTask,
): Promise<{ dialect: CsvDialect; detection: DialectDetection | null }> {
  const { bytes: text, isWhole } = await readText(file, sourceEncoding, SNIFF_BYTES);
  const sniffed = sniffDialect({ text, isWhole, given });
  if (sniffed === null) return { dialect: { ...DEFAULT_DIALECT, ...given }, detection: null };
  if (given.delimiter === undefined) refuseUnclear(sniffed);
  const { dialect, confidence, runnerUp: runner_up, reasons } = sniffed;
  return { dialect, detection: { confidence, runner_up, reasons } };
}

async function inferJson(file: ReadableFile, task: InferenceTask): Promise<InferenceResult> {
  const inference = new JsonInference();
  const feed = await openText(file, task, null, [], 'raw');
  const sample = await sampleText(feed, task, {
    take: (row, number) => inference.take(parseRow(row), number),
    refuse: ({ errors }, number) => inference.refuse(errors, number),
  });
  const { format, sourceEncoding } = task;
  const { encoding } = sourceEncoding;
  return { ...inference.conclude(), format, encoding, dialect: null, detection: null, null_values: [], ...sample };
}

function sampleText(feed: RowSource, { sampleRows }: InferenceTask, taker: SampleTaker): ReturnType<typeof takeSample> {
  return takeSample(feed, { rows: sampleRows, hasEnough: () => feed.position.byte >= SAMPLE_BYTES }, taker);
}

/** The rows of a file whose columns are of no known type: fields of CSV are texts. */
function openText(
  file: ReadableFile,
  { format, sourceEncoding, sizeBytes, nullValues, quotedNulls, quotedEmpty }: InferenceTask,
  dialect: CsvDialect | null,
  columns: Column[],
  valueFormat: ValueFormat,
): Promise<RowSource> {
  const options = { ...DEFAULT_OPTIONS, nullValues, quotedNulls, quotedEmpty, valueFormat };
  const reading = { format, sourceEncoding, dialect, sizeBytes, columns, additionalColumns: true, options };
  return openRowSource(file, reading, null, null, { decompression: DECOMPRESSION, decoderBytes: 0 });
}

async function openCsv(file: ReadableFile, task: InferenceTask, dialect: CsvDialect): Promise<RowSource> {
  try {
    return await openText(file, task, dialect, dialect.header ? [] : await nameColumns(file, task, dialect), 'json');
  } catch (error) {
    if (!(error instanceof EndOfPrefix)) throw error;
    throw new ServiceError('HEADER_MISMATCH', 'cannot find the first line: it is longer than the sample of the file');
  }
}

/** `column_1` and so on, as many as the first row has fields. */
async function nameColumns(file: ReadableFile, task: InferenceTask, dialect: CsvDialect): Promise<Column[]> {
  const { bytes, isWhole } = await readText(file, task.sourceEncoding, MAX_ROW_BYTES);
  const width = readCsvWidth(bytes, isWhole, dialect);
  if (width === null)
    throw new ServiceError(
      'HEADER_MISMATCH',
      'cannot determine the number of columns: the sample holds no complete row',
    );
  return Array.from({ length: width }, (_, index) => {
    return { name: `column_${index + 1}`, type: 'String', nullable: true, constraints: {} };
  });
}

/** The beginning of the text in UTF-8: `size` bytes, fewer if the file or its prefix ends. */
async function readText(
  file: ReadableFile,
  encoding: SourceEncoding,
  size: number,
): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const source = openByteSource(file, 0, { ...encoding, limits: DECOMPRESSION });
  const head = Buffer.allocUnsafe(size);
  let length = 0;
  let isWhole = false;
  try {
    while (length < head.length && !isWhole) {
      const read = await source.read(head.subarray(length));
      isWhole = read === 0;
      length += read;
    }
  } catch (error) {
    if (!(error instanceof EndOfPrefix)) throw error;
  } finally {
    source.close();
  }
  return { bytes: head.subarray(0, length), isWhole };
}
