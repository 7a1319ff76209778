import type { BinaryLayout } from '../../formats/index.js';
import { JsonFields } from '../json-fields.js';
import {
  type BlockResult,
  type DataBlock,
  type JobSummary,
  type RejectedBlock,
  SinkError,
  type SinkJob,
  type SinkReject,
  type SinkSession,
} from '../sink.js';
import { ByteChunks, textOf } from './byte-chunks.js';
import { type Connection, quoted } from './connection.js';
import { areColumnsChanged, insertErrorOf, isUnknownTable } from './errors.js';
import { writeInteger } from './numbers.js';
import { countRejects, type Position, readPosition, readRejects } from './positions.js';
import { type Refusal, RowEncoder } from './row-encoder.js';
import { dataTable, EXTRA, OWN_COLUMNS, REJECTED_ROWS, SINK_ERRORS, type TableColumn } from './tables.js';
import { tokens } from './tokens.js';

const MAX_OBSERVED = 256;
const MAX_MESSAGE = 512;
const MAX_RAW_BYTES = 65_536;

export interface ClickHouseSessionOptions {
  connection: Connection;
  job: SinkJob;
  columns: readonly TableColumn[];
  position: Position;
  /** Looks at the tables once more, as they may have been changed. */
  describe: () => Promise<readonly TableColumn[]>;
}

/** A block as it is inserted. */
interface EncodedBlock {
  into: string;
  chunks: Buffer[];
  rows: number;
  rejects: SinkReject[];
}

/** One load of one job. A block is one insert under one token, its rejected rows another one before it. */
export class ClickHouseSession implements SinkSession {
  readonly table: string;
  readonly position: Position;
  #columns: readonly TableColumn[];
  #rejected: number;

  constructor(private readonly options: ClickHouseSessionOptions) {
    this.table = dataTable(options.job.modelId);
    this.position = options.position;
    this.#columns = options.columns;
    this.#rejected = options.position.data.rejected;
  }

  async readRejects(after: number, limit: number): Promise<SinkReject[]> {
    const { connection, job, position } = this.options;
    return readRejects(connection, job, { next: position.data.next, after, limit });
  }

  async writeRows(block: DataBlock): Promise<BlockResult> {
    const { job, describe } = this.options;
    let encoded = this.#encode(block);
    // No block is written that has too many: whoever asked for it gives the job up.
    if (this.#rejected + encoded.rejects.length > job.maxErrors) return { rows: 0, rejects: encoded.rejects };
    await this.#writeErrors(block, encoded.rejects);
    if (encoded.rows > 0) {
      try {
        await this.#insert(encoded, tokens.data(job, block.from));
      } catch (error) {
        if (!areColumnsChanged(error) && !isUnknownTable(error)) throw insertErrorOf(error);
        this.#columns = await describe();
        const told = JSON.stringify(encoded.rejects);
        encoded = this.#encode(block);
        if (JSON.stringify(encoded.rejects) !== told) throw columnsChanged(this.table);
        await this.#insert(encoded, tokens.data(job, block.from)).catch((again: unknown) => {
          throw insertErrorOf(again);
        });
      }
    }
    this.#rejected += encoded.rejects.length;
    return { rows: encoded.rows, rejects: encoded.rejects };
  }

  async writeRejected(block: RejectedBlock): Promise<void> {
    const { job } = this.options;
    const rows = block.rows.flatMap(({ offset, row }) =>
      row.errors.map((error, index) => ({
        job_id: job.jobId,
        row_number: row.row_number,
        line: row.line,
        byte_offset: row.byte_offset,
        error_index: index,
        ...error,
        raw_data: row.raw_data,
        raw_encoding: row.raw_encoding,
        raw_truncated: row.raw_truncated,
        timestamp: row.timestamp.replace('T', ' ').replace('Z', ''),
        ...{ _load: job.load, _block: block.to, _offset: offset },
      })),
    );
    await this.#insertJson(REJECTED_ROWS, rows, tokens.rejected(job, block.from));
  }

  /**
   * ClickHouse has no table of jobs: what changes does not suit it. But all of this one must be there: an insert does nothing
   * if its token is known and somebody has deleted the rows.
   */
  async writeSummary({ ok, errors }: JobSummary): Promise<void> {
    const { connection, job, describe } = this.options;
    await describe(); // replicas have caught up then
    const { data, dlq } = await readPosition(connection, job);
    const told = await countRejects(connection, job);
    if (data.rows + this.#rejected === ok && told === this.#rejected && dlq.rows === errors) return;
    const there = `${this.table} has ${data.rows} rows of the job, ${SINK_ERRORS} ${told} and ${REJECTED_ROWS} ${dlq.rows}`;
    const missing = `which has ${ok} accepted rows, of which ${this.#rejected} were rejected here, and ${errors} rejected ones`;
    throw new SinkError('SINK_STATE_LOST', `${there}, ${missing}: somebody has changed them`);
  }

  async close(): Promise<void> {}

  async #insert({ into, chunks }: EncodedBlock, token: string): Promise<void> {
    await this.options.connection.insert(into, 'RowBinaryWithNamesAndTypes', chunks, token);
  }

  async #writeErrors(block: DataBlock, rejects: readonly SinkReject[]): Promise<void> {
    const { job } = this.options;
    if (rejects.length === 0) return;
    const rows = rejects.map(({ offset, rowNumber, column, type, error, observed, message, raw, rawTruncated }) => ({
      job_id: job.jobId,
      row_number: rowNumber,
      ...{ column, type, error, observed, message },
      raw_data: raw,
      raw_truncated: rawTruncated,
      ...{ _load: job.load, _block: block.to, _offset: offset },
    }));
    await this.#insertJson(SINK_ERRORS, rows, tokens.errors(job, block.from));
  }

  async #insertJson(table: string, rows: readonly object[], token: string): Promise<void> {
    const out = new ByteChunks();
    for (const row of rows) out.append(Buffer.from(`${JSON.stringify(row)}\n`));
    try {
      await this.options.connection.insert(quoted(table), 'JSONEachRow', out.end(), token);
    } catch (error) {
      throw insertErrorOf(error);
    }
  }

  /** In binary straight from the reader, if that can; else value by value. */
  #encode(block: DataBlock): EncodedBlock {
    const { job } = this.options;
    const names = block.binaryColumns;
    const known = this.#columns.map((column, index) => ({ ...column, index, layout: column.type.layout }));
    const columns = names === null ? known : names.flatMap((name) => known.filter((each) => each.name === name));
    const written = [
      ...OWN_COLUMNS.map(([name, type]) => [name, type] as const),
      ...columns.map(({ name, spelled }) => [name, spelled] as const),
      ...(names === null ? [[EXTRA, 'String'] as const] : []),
    ];
    const out = new ByteChunks();
    const header = [...written.map(([name]) => textOf(name)), ...written.map(([, type]) => textOf(type))];
    out.append(Buffer.concat([Buffer.of(...countOf(written.length)), ...header]));
    const prefix = prefixOf(job, block);
    const place = Buffer.alloc(prefix.length + 16);
    place.set(prefix);
    const encoder = new RowEncoder(columns, names === null);
    const fields = new JsonFields(job.columns);
    const rejects: SinkReject[] = [];
    let rows = 0;
    const visit = (bytes: Buffer, start: number, end: number, rowNumber: number, offset: number): void => {
      fields.read(bytes, start, end);
      writeInteger(place, writeInteger(place, prefix.length, rowNumber, 8), offset, 8);
      const refusal = encoder.write(fields, bytes, place, out);
      if (refusal === null) rows += 1;
      else if (rejects.length <= job.maxErrors) {
        rejects.push(rejectOf(refusal, job, fields, bytes.subarray(start, end), { rowNumber, offset }));
      }
    };
    if (names === null) block.forEach(visit);
    else {
      const layout: BinaryLayout = { prefix, columns: new Map(columns.map((each) => [each.name, each.layout])) };
      block.writeBinary(layout, {
        write(bytes, count) {
          out.append(bytes);
          rows += count;
        },
        json: visit,
      });
    }
    return { into: quoted(this.table), chunks: out.end(), rows, rejects };
  }
}

/** What was rejected is stored already, and by now it would be something else. */
function columnsChanged(table: string): SinkError {
  const why = 'while rows were rejected for what its columns were';
  return new SinkError(
    'SINK_STATE_LOST',
    `the table ${table} was altered ${why}: take the rows out and load them again`,
  );
}

function countOf(count: number): number[] {
  return count < 128 ? [count] : [(count & 127) | 128, count >> 7];
}

/** What every row of the block begins with: `_job`, `_load`, `_block`. */
function prefixOf({ jobId, load }: SinkJob, { to }: DataBlock): Buffer {
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32LE(load, 0);
  numbers.writeBigUInt64LE(BigInt(to), 4);
  return Buffer.concat([textOf(jobId), numbers]);
}

/** `limit`, or less so that no character is cut. */
function characterEnd(text: Buffer, limit: number): number {
  if (text.length <= limit) return text.length;
  let end = limit;
  while (((text[end] as number) & 0xc0) === 0x80) end--;
  return end;
}

function rejectOf(
  { column, error, message }: Refusal,
  job: SinkJob,
  fields: JsonFields,
  row: Buffer,
  place: { rowNumber: number; offset: number },
): SinkReject {
  const observed = fields.jsonOf(column.index).slice(0, MAX_OBSERVED);
  return {
    ...place,
    column: column.name,
    type: job.columns[column.index]?.type ?? null,
    error,
    observed: observed.isWellFormed() ? observed : null,
    message: `column '${column.name}': ${message}`.slice(0, MAX_MESSAGE),
    raw: row.toString('utf8', 0, characterEnd(row, MAX_RAW_BYTES)),
    rawTruncated: row.length > MAX_RAW_BYTES,
  };
}
