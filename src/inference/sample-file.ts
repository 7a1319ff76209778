import { open } from 'node:fs/promises';
import { BatchError } from '../errors/index.js';
import { MAX_RECORD_BYTES, type RowSink, readCsvWidth } from '../formats/index.js';
import type { Column } from '../models/schema/index.js';
import { DEFAULT_OPTIONS, type FileReading, MAX_NULL_VALUES } from '../runner/index.js';
import { openRowFeed, type RowFeed } from '../runner/row-feed.js';
import { openByteSource, type ReadableFile } from '../sources/index.js';
import { Beginning, BeginningOver } from './beginning.js';
import type { Findings } from './inferred-schema.js';
import type { InferenceTask } from './messages.js';
import { SchemaInference } from './schema-inference.js';

/** So many bytes of rows are looked at, about. */
const SAMPLE_BYTES = 8 * 1024 ** 2;
/** So many bytes are read at most, whatever a row that never ends makes of the sample. */
const MAX_READ_BYTES = 2 * SAMPLE_BYTES;
/** And so many are decompressed. */
const DECOMPRESSION = { maxBytes: 2 * MAX_READ_BYTES, maxRatio: Number.POSITIVE_INFINITY };

/**
 * Proposes a schema for a file by its first rows, read by the reader that a job would read them with: a row that is
 * broken here is rejected there. Throws BatchError HEADER_MISMATCH where the columns have no usable names, and what
 * reading the file throws.
 */
export async function inferFile(task: InferenceTask): Promise<Findings> {
  const file = await open(task.path);
  try {
    const beginning = new Beginning(file, MAX_READ_BYTES, task.partial);
    return await inferRows(await openRows(beginning, task), task);
  } finally {
    await file.close();
  }
}

async function openRows(file: ReadableFile, task: InferenceTask): Promise<RowFeed> {
  const { format, wrapping, dialect, sizeBytes, nullValues } = task;
  const reading: FileReading = {
    format,
    wrapping,
    dialect,
    sizeBytes,
    columns: [],
    // Columns of no known type are texts.
    additionalColumns: true,
    options: { ...DEFAULT_OPTIONS, nullValues, valueFormat: 'json' },
  };
  try {
    const columns = dialect.header ? [] : await nameColumns(file, task);
    return await openRowFeed(file, { ...reading, columns }, null, null, {
      decompression: DECOMPRESSION,
      decoderBytes: 0,
    });
  } catch (error) {
    if (!(error instanceof BeginningOver)) throw error;
    throw new BatchError('HEADER_MISMATCH', 'the beginning of the file ends before its first line does');
  }
}

/** `column_1` and so on, as many as the first row has fields. */
async function nameColumns(file: ReadableFile, { wrapping, dialect }: InferenceTask): Promise<Column[]> {
  const source = openByteSource(file, 0, { ...wrapping, limits: DECOMPRESSION });
  const head = Buffer.allocUnsafe(MAX_RECORD_BYTES);
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

async function inferRows(feed: RowFeed, task: InferenceTask): Promise<Findings> {
  const { format, nullValues, sampleRows } = task;
  const columns = feed.columns ?? [];
  const inference = new SchemaInference({ columns, nullValues, maxNullValues: MAX_NULL_VALUES });
  let sampled = 0;
  let rejected = 0;
  let unseen = false;
  const isFull = (): boolean => sampled + rejected === sampleRows;
  const sink: RowSink = {
    accept(bytes, start, end) {
      unseen ||= isFull();
      if (unseen) return;
      sampled += 1;
      const row = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
      inference.take(JSON.parse(row.toString()) as Record<string, string | null>, sampled + rejected);
    },
    reject() {
      unseen ||= isFull();
      if (!unseen) rejected += 1;
    },
  };
  const ended = await readThrough(feed, sink, () => unseen);
  const { schema, null_values, columns: inferred } = inference.conclude();
  return {
    schema,
    format,
    null_values,
    rows_sampled: sampled,
    rows_rejected: rejected,
    truncated: unseen || !ended,
    columns: inferred,
  };
}

/** false: the file goes on, or may go on. */
async function readThrough(feed: RowFeed, sink: RowSink, isEnough: () => boolean): Promise<boolean> {
  try {
    while (feed.position.byte < SAMPLE_BYTES && !isEnough()) {
      if (!(await feed.advance(sink))) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof BeginningOver) return false;
    throw error;
  } finally {
    feed.close?.();
  }
}
