import type { CsvDialect } from '../../../ingest/index.js';
import { FieldParser } from '../fields.js';
import { RecordSplitter } from '../record-splitter.js';

/** More says no more about how a file is written. */
const MAX_RECORDS = 400;

/** A record of the sample, or the line that is left of a broken one. */
export interface SampleRecord {
  /** Its first physical line, from 1. */
  line: number;
  /** null: it is broken. */
  cells: string[] | null;
}

/** The first records of a text as the readers cut it. `isWhole`: it is the whole file, not only its beginning. */
export function sampleRecords(text: Buffer, isWhole: boolean, dialect: CsvDialect): SampleRecord[] {
  const splitter = new RecordSplitter(dialect, { byte: 0, line: 0 }, dialect.skipLines);
  const parser = new FieldParser(dialect);
  const records: SampleRecord[] = [];
  // Well-formed records that follow one another are parsed together.
  let [start, stop, pending] = [0, 0, [] as SampleRecord[]];
  const flush = (): void => {
    if (pending.length === 0) return;
    const rows = parser.parse(splitter.bytes.subarray(start, stop), pending.length);
    for (const [index, record] of pending.entries()) record.cells = rows[index] ?? null;
    pending = [];
  };
  splitter.push(text);
  if (isWhole) splitter.end();
  for (let found = splitter.find(); found === 'record' || found === 'broken'; found = splitter.find()) {
    const record: SampleRecord = { line: splitter.lineNumber, cells: null };
    records.push(record);
    if (found === 'record') {
      if (pending.length === 0) start = splitter.start;
      stop = splitter.next;
      pending.push(record);
    } else flush();
    if (records.length === MAX_RECORDS) break;
  }
  flush();
  return records;
}
