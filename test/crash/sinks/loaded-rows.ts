import { committedRecords } from '../../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../../src/jobs/domain/job.js';
import type { Comparison } from '../comparison.js';
import { makeRow, type RowFile } from '../rows.js';

type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

/** Both databases, asked directly. */
export interface Databases {
  clickhouse: Ask;
  postgres: Ask;
}

/** A row as a database has it, its values as text. */
interface Found {
  /** The row's number in the file. */
  number: number;
  /** The record's, in the topic; null: the database does not keep it. */
  offset: number | null;
  values: string;
}

/** Rows of a query: more at a time would be too much for one answer. */
const PAGE = 100_000;

const ROWS = {
  clickhouse: (jobId: string, from: number) => `
    SELECT _row AS number, _offset AS offset, id, name, qty, toInt64(price * 100) AS cents,
      toUnixTimestamp(at) AS seconds, paid
    FROM data_rows WHERE _job = '${jobId}' ORDER BY _offset, _load LIMIT ${PAGE} OFFSET ${from}`,
  postgres: (jobId: string, from: number) => `
    SELECT ingested_rows.row_number AS number, data->>'id' AS id, data->>'name' AS name, data->>'qty' AS qty,
      ((data->>'price')::numeric * 100)::bigint AS cents,
      extract(epoch FROM (data->>'at')::timestamptz)::bigint AS seconds, (data->>'paid')::boolean AS paid
    FROM ingested_rows JOIN ingested_data USING (content_hash)
    WHERE job_id = '${jobId}' ORDER BY number LIMIT ${PAGE} OFFSET ${from}`,
};
const REJECTED = {
  clickhouse: (jobId: string) =>
    `SELECT row_number, error_index, error FROM rejected_rows WHERE job_id = '${jobId}' ORDER BY row_number, error_index`,
  postgres: (jobId: string) =>
    `SELECT row_number, error_index, error FROM validation_errors WHERE job_id = '${jobId}' ORDER BY row_number, error_index`,
};

/**
 * Holds every row of a job in a database against what the file's maker says, with its number and, in ClickHouse, its offset
 * in the topic; and the rejected rows against the DLQ.
 */
export async function differences(
  name: 'clickhouse' | 'postgres',
  databases: Databases,
  brokers: string,
  { job_id: jobId, topics }: Pick<Job, 'job_id' | 'topics'>,
  file: RowFile,
): Promise<Comparison> {
  const result = { lost: 0, doubled: 0, reordered: 0, altered: 0, first: null as string | null };
  const note = (kind: 'lost' | 'doubled' | 'altered', what: string): void => {
    result[kind] += 1;
    result.first ??= `${name}: ${what}`;
  };
  const offsets: number[] = [];
  for await (const { offset } of committedRecords(brokers, topics.data)) offsets.push(offset);
  const indexOf = new Map([...file.accepted].map((number, index) => [number, index]));
  const seen = new Uint8Array(file.accepted.length);
  let records = 0;
  for await (const { number, offset, values } of foundRows(databases[name], (from) => ROWS[name](jobId, from))) {
    records += 1;
    const index = indexOf.get(number);
    if (index === undefined) {
      note('altered', `row ${number} should not be there`);
      continue;
    }
    if (seen[index] === 1) note('doubled', `row ${number} again`);
    seen[index] = 1;
    if (values !== valuesOf(file.seed, number)) note('altered', `row ${number} has other values`);
    if (offset !== null && offset !== offsets[index]) note('altered', `row ${number} has offset ${offset}`);
  }
  for (const [index, mark] of seen.entries()) if (mark === 0) note('lost', `row ${file.accepted[index]} is not there`);

  const expected: string[] = [];
  for await (const { value } of committedRecords(brokers, topics.dlq)) {
    const { row_number: number, errors } = JSON.parse(value?.toString() ?? '{}') as Rejection;
    for (const [index, { error }] of errors.entries()) expected.push(`${number} ${index} ${error}`);
  }
  const found = (await databases[name](REJECTED[name](jobId))).map(
    (row) => `${row['row_number']} ${row['error_index']} ${row['error']}`,
  );
  const wanted = new Set(expected);
  for (const [index, each] of found.entries()) {
    if (each === found[index - 1]) note('doubled', `rejected row ${each} again`);
    else if (!wanted.delete(each)) note('altered', `rejected row ${each} should not be there`);
  }
  for (const each of wanted) note('lost', `rejected row ${each} is not there`);
  const end = (offsets.at(-1) ?? -1) + 1;
  return {
    ...result,
    rows: records + found.length,
    data: { records, end },
    dlq: { records: found.length, end: 0 },
  };
}

interface Rejection {
  row_number: number;
  errors: { error: string }[];
}

async function* foundRows(ask: Ask, page: (from: number) => string): AsyncGenerator<Found> {
  for (let from = 0; ; from += PAGE) {
    const rows = await ask(page(from));
    for (const { number, offset, id, name, qty, cents, seconds, paid } of rows) {
      yield {
        number: Number(number),
        offset: offset === undefined ? null : Number(offset),
        values: JSON.stringify([id, name, qty, cents, seconds, paid].map((value) => value === null || String(value))),
      };
    }
    if (rows.length < PAGE) return;
  }
}

/** What the columns of an accepted row hold, as `foundRows` gives it. */
function valuesOf(seed: number, number: number): string {
  const [, id, quoted = '', qty, price = '', at = '', paid = ''] =
    /^(\d+),((?:"(?:[^"]|"")*")|[^,]*),([^,]*),([^,]*),([^,]*),([^,]*)$/.exec(makeRow(seed, number).text) ?? [];
  const name = quoted.startsWith('"') ? quoted.slice(1, -1).replaceAll('""', '"') : quoted;
  const [whole = '', fraction = ''] = price.split('.');
  return JSON.stringify([
    id,
    name,
    qty,
    String(BigInt(whole + fraction)),
    String(Date.parse(at) / 1000),
    paid === '' ? true : String(paid === 'true' || paid === '1'),
  ]);
}
