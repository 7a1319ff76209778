import { committedRecords, type TopicRecord } from '../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../src/jobs/domain/job.js';
import { makeRow, type RowFile } from './rows.js';

/** What is wrong with the topics of a job, against what the file's maker says they must hold. All zero: delivered. */
export interface Differences {
  /** Rows that must be there and are not. */
  lost: number;
  /** Rows that are there more often than once. */
  doubled: number;
  /** Rows behind one that should come later. */
  reordered: number;
  /** Rows in the wrong topic, with other bytes, reasons or places than they should have, or of no row of the file. */
  altered: number;
  /** The first of them, in words. */
  first: string | null;
}

export interface Comparison extends Differences {
  /** Records read and compared, of both topics. */
  rows: number;
  data: TopicCount;
  dlq: TopicCount;
}

interface TopicCount {
  records: number;
  /** The offset after the last record; 0 without one. */
  end: number;
}

/** How many rows of the file must be there: all, or a prefix with these numbers of accepted and rejected ones. */
export type Extent = 'all' | { ok: number; errors: number } | 'some prefix';

/**
 * Reads both topics as a consumer at read_committed does (decoded and filtered by kafkajs: none of the product's code)
 * and compares them with the file row by row. `some prefix`: each topic must hold a prefix of its rows, of any length.
 */
export async function compare(
  brokers: string,
  topics: { data: string; dlq: string },
  jobId: string,
  file: RowFile,
  extent: Extent = 'all',
): Promise<Comparison> {
  const wanted = extentOf(file, extent);
  const data = await compareTopic(brokers, topics.data, {
    numbers: file.accepted,
    wanted: wanted.ok,
    numberOf: acceptedNumber,
    matches: ({ value }, number) => value?.toString() === makeRow(file.seed, number).text,
  });
  const dlq = await compareTopic(brokers, topics.dlq, {
    numbers: file.rejected,
    wanted: wanted.errors,
    numberOf: (record) => Number(rejectionIn(record).row_number),
    matches: (record, number) => isRejection(rejectionIn(record), number, jobId, file),
  });
  return {
    rows: data.records + dlq.records,
    lost: data.lost + dlq.lost,
    doubled: data.doubled + dlq.doubled,
    reordered: data.reordered + dlq.reordered,
    altered: data.altered + dlq.altered,
    first: data.first ?? dlq.first,
    data: { records: data.records, end: data.end },
    dlq: { records: dlq.records, end: dlq.end },
  };
}

/** What the job says of itself against what was read; null if they agree. */
export function contradiction({ totals, end_offsets }: Job, { data, dlq }: Comparison): string | null {
  const { rows, ok, errors } = totals;
  if (rows !== ok + errors) return `totals do not add up: ${JSON.stringify(totals)}`;
  if (ok !== data.records || errors !== dlq.records) {
    return `totals ${JSON.stringify(totals)}, but the topics hold ${data.records} and ${dlq.records} records`;
  }
  if (end_offsets === null) return 'end_offsets is null';
  if (end_offsets.data !== data.end || end_offsets.dlq !== dlq.end) {
    return `end_offsets ${JSON.stringify(end_offsets)}, but the topics end at ${data.end} and ${dlq.end}`;
  }
  return null;
}

/** null: any number, without gaps. */
function extentOf(file: RowFile, extent: Extent): { ok: number | null; errors: number | null } {
  if (extent === 'all') return { ok: file.accepted.length, errors: file.rejected.length };
  return extent === 'some prefix' ? { ok: null, errors: null } : extent;
}

interface Expected {
  /** The rows of this topic, in order. */
  numbers: Uint32Array;
  /** How many of them must be there; null: any number, without gaps. */
  wanted: number | null;
  numberOf(record: TopicRecord): number;
  matches(record: TopicRecord, number: number): boolean;
}

async function compareTopic(brokers: string, topic: string, expected: Expected): Promise<Differences & TopicCount> {
  const result = { lost: 0, doubled: 0, reordered: 0, altered: 0, first: null as string | null, records: 0, end: 0 };
  const note = (kind: 'lost' | 'doubled' | 'reordered' | 'altered', what: string, count = 1) => {
    result[kind] += count;
    result.first ??= `${topic}: ${what}`;
  };
  const { numbers } = expected;
  const indexOf = new Map<number, number>();
  for (const [index, number] of numbers.entries()) indexOf.set(number, index);
  const seen = new Uint8Array(numbers.length);
  let furthest = -1;
  for await (const record of committedRecords(brokers, topic)) {
    result.records += 1;
    result.end = record.offset + 1;
    const number = expected.numberOf(record);
    const index = indexOf.get(number);
    if (index === undefined || !expected.matches(record, number)) {
      note('altered', `offset ${record.offset} is not as row ${number} should be`);
      if (index === undefined) continue;
    }
    if (seen[index] === 1) note('doubled', `row ${number} again at offset ${record.offset}`);
    else if (index < furthest) note('reordered', `row ${number} at offset ${record.offset} comes late`);
    seen[index] = 1;
    furthest = Math.max(furthest, index);
  }
  const count = expected.wanted ?? furthest + 1;
  const found = (marks: Uint8Array) => marks.reduce((sum, mark) => sum + mark, 0);
  const missing = count - found(seen.subarray(0, count));
  const surplus = found(seen.subarray(count));
  if (missing > 0) note('lost', `${missing} rows are not there, row ${numbers[seen.indexOf(0)]} first`, missing);
  if (surplus > 0) note('altered', `${surplus} rows more than there should be`, surplus);
  return result;
}

/** Accepted rows begin with their number. */
function acceptedNumber({ value }: TopicRecord): number {
  return Number.parseInt(value?.toString('latin1', 0, 20) ?? '', 10);
}

function rejectionIn({ value }: TopicRecord): Record<string, unknown> {
  return JSON.parse(value?.toString() ?? '{}') as Record<string, unknown>;
}

function isRejection(is: Record<string, unknown>, number: number, jobId: string, file: RowFile): boolean {
  const { text, error } = makeRow(file.seed, number);
  const place = file.places.get(number);
  return (
    is['job_id'] === jobId &&
    is['row_number'] === number &&
    is['line'] === place?.line &&
    is['byte_offset'] === place?.byte &&
    is['error'] === error &&
    is['raw_data'] === text
  );
}
