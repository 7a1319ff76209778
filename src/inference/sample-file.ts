import { open } from 'node:fs/promises';
import { BatchError } from '../errors/index.js';
import { MAX_ROW_BYTES, readCsvWidth, type ValueFormat } from '../formats/index.js';
import type { Column } from '../models/schema/index.js';
import { DEFAULT_OPTIONS, MAX_NULL_VALUES } from '../runner/index.js';
import { openRowFeed, type RowFeed } from '../runner/row-feed.js';
import { openByteSource, type ReadableFile } from '../sources/index.js';
import { Beginning, BeginningOver } from './beginning.js';
import type { Findings } from './inferred-schema.js';
import { JsonInference } from './json-inference.js';
import { parseRow } from './json-row.js';
import { byName, refuseNoColumns } from './left-out.js';
import type { InferenceTask } from './messages.js';
import { inferParquet } from './parquet-sample.js';
import { SAMPLE_BYTES, type SampleTaker, takeSample } from './sampling.js';
import { SchemaInference } from './schema-inference.js';

/** So many bytes are read at most, whatever a row that never ends makes of the sample. */
const MAX_READ_BYTES = 2 * SAMPLE_BYTES;
/** And so many are decompressed. */
const DECOMPRESSION = { maxBytes: 2 * MAX_READ_BYTES, maxRatio: Number.POSITIVE_INFINITY };

/**
 * Proposes a schema for a file by its first rows, read by the reader that a job would read them with: a row that is
 * broken here is rejected there. `decoderBytes`: of the memory of Parquet's decoder. Throws BatchError HEADER_MISMATCH
 * where there are no columns with usable names, or too many, and what reading the file throws.
 */
export async function inferFile(task: InferenceTask, decoderBytes: number): Promise<Findings> {
  const file = await open(task.path);
  try {
    if (task.format === 'parquet') return await inferParquet(file, task, decoderBytes);
    const beginning = new Beginning(file, MAX_READ_BYTES, task.partial);
    return task.format === 'csv' ? await inferCsv(beginning, task) : await inferJson(beginning, task);
  } finally {
    await file.close();
  }
}

async function inferCsv(file: ReadableFile, task: InferenceTask): Promise<Findings> {
  const { format, nullValues } = task;
  const feed = await openCsv(file, task);
  const { usable, skipped_columns } = byName((feed.columns ?? []).map((name) => ({ name })));
  const columns = usable.map(({ name }) => name);
  const inference = new SchemaInference({ columns, nullValues, maxNullValues: MAX_NULL_VALUES });
  const sample = await sampleText(feed, task, {
    take: (row, number) => inference.take(JSON.parse(row) as Record<string, string | null>, number),
  });
  refuseNoColumns(columns, skipped_columns);
  return { ...inference.conclude(), format, ...sample, skipped_columns };
}

async function inferJson(file: ReadableFile, task: InferenceTask): Promise<Findings> {
  const inference = new JsonInference();
  const feed = await openText(file, task, [], 'raw');
  const sample = await sampleText(feed, task, {
    take: (row, number) => inference.take(parseRow(row), number),
    refuse: ({ errors }, number) => inference.refuse(errors, number),
  });
  return { ...inference.conclude(), format: task.format, null_values: [], ...sample };
}

function sampleText(feed: RowFeed, { sampleRows }: InferenceTask, taker: SampleTaker): ReturnType<typeof takeSample> {
  return takeSample(feed, { rows: sampleRows, hasEnough: () => feed.position.byte >= SAMPLE_BYTES }, taker);
}

/** The rows of a file whose columns are of no known type: fields of CSV are texts. */
function openText(
  file: ReadableFile,
  { format, wrapping, dialect, sizeBytes, nullValues }: InferenceTask,
  columns: Column[],
  valueFormat: ValueFormat,
): Promise<RowFeed> {
  const options = { ...DEFAULT_OPTIONS, nullValues, valueFormat };
  const reading = { format, wrapping, dialect, sizeBytes, columns, additionalColumns: true, options };
  return openRowFeed(file, reading, null, null, { decompression: DECOMPRESSION, decoderBytes: 0 });
}

async function openCsv(file: ReadableFile, task: InferenceTask): Promise<RowFeed> {
  try {
    return await openText(file, task, task.dialect.header ? [] : await nameColumns(file, task), 'json');
  } catch (error) {
    if (!(error instanceof BeginningOver)) throw error;
    throw new BatchError('HEADER_MISMATCH', 'the beginning of the file ends before its first line does');
  }
}

/** `column_1` and so on, as many as the first row has fields. */
async function nameColumns(file: ReadableFile, { wrapping, dialect }: InferenceTask): Promise<Column[]> {
  const source = openByteSource(file, 0, { ...wrapping, limits: DECOMPRESSION });
  const head = Buffer.allocUnsafe(MAX_ROW_BYTES);
  let size = 0;
  let ended = false;
  try {
    while (size < head.length && !ended) {
      const bytes = await source.read(head.subarray(size));
      ended = bytes === 0;
      size += bytes;
    }
  } catch (error) {
    if (!(error instanceof BeginningOver)) throw error;
  } finally {
    source.close();
  }
  const width = readCsvWidth(head.subarray(0, size), ended, dialect);
  if (width === null) throw new BatchError('HEADER_MISMATCH', 'there is no row that shows how many columns there are');
  return Array.from({ length: width }, (_, index) => {
    return { name: `column_${index + 1}`, type: 'String', nullable: true, constraints: {} };
  });
}
