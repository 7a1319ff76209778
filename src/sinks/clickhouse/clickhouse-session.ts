import { setImmediate } from 'node:timers/promises';
import type { BinaryLayout } from '../../formats/index.js';
import { JsonFields } from '../json-fields.js';
import {
  type BlockPiece,
  type BlockResult,
  type DataBlock,
  type JobSummary,
  type RejectedBlock,
  SinkError,
  type SinkJob,
  type SinkReject,
  type SinkSession,
  type VisitRow,
} from '../sink.js';
import { ByteChunks, ChunkPool, textOf } from './byte-chunks.js';
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
/** Encoded bytes of a block that are held. Most blocks have less; of sparse rows a wide table may make far more. */
const HELD_BYTES = 32 * 1024 ** 2;

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
  block: DataBlock;
  /** What the insert sends, one behind another. Asked for once. */
  chunks: Iterable<Buffer>;
  /** Those of them that are held. The others are encoded once more when they are sent. */
  held: readonly Buffer[];
  rows: number;
  rejects: SinkReject[];
}

/** One load of one job. A block is one insert under one token, its rejected rows another one before it. */
export class ClickHouseSession implements SinkSession {
  readonly table: string;
  readonly position: Position;
  #columns: readonly TableColumn[];
  #rejected: number;
  #prepared: EncodedBlock | undefined;
  readonly #pool = new ChunkPool();

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

  async prepare(block: DataBlock): Promise<void> {
    this.#prepared = await this.#encode(block);
  }

  async writeRows(block: DataBlock, onSent?: () => void): Promise<BlockResult> {
    const { job, describe } = this.options;
    let encoded = this.#prepared?.block === block ? this.#prepared : await this.#encode(block);
    this.#prepared = undefined;
    const { rows, rejects } = encoded;
    // No block is written that has too many: whoever asked for it gives the job up.
    if (this.#rejected + rejects.length > job.maxErrors) return { rows: 0, rejects };
    await this.#writeErrors(block, rejects);
    if (rows > 0) {
      try {
        await this.#insert(encoded, onSent);
      } catch (error) {
        if (!areColumnsChanged(error) && !isUnknownTable(error)) throw insertErrorOf(error);
        this.#columns = await describe();
        encoded = await this.#encode(block);
        if (JSON.stringify(encoded.rejects) !== JSON.stringify(rejects)) throw columnsChanged(this.table);
        await this.#insert(encoded).catch((again: unknown) => {
          throw insertErrorOf(again);
        });
      }
    }
    this.#rejected += rejects.length;
    return { rows, rejects };
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

  async #insert({ block, chunks, held }: EncodedBlock, onSent: () => void = () => undefined): Promise<void> {
    const { connection, job } = this.options;
    function* sending(): Generator<Buffer> {
      yield* chunks;
      onSent();
    }
    const token = tokens.data(job, block.from);
    await connection.insert(quoted(this.table), 'RowBinaryWithNamesAndTypes', sending(), token);
    this.#pool.giveBack(held);
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
      await this.options.connection.insert(quoted(table), 'JSONEachRow', out.take(), token);
    } catch (error) {
      throw insertErrorOf(error);
    }
  }

  /** In binary straight from the reader, if that can; else value by value. */
  async #encode(block: DataBlock): Promise<EncodedBlock> {
    const { job } = this.options;
    const names = block.binaryColumns;
    const known = this.#columns.map((column, index) => ({ ...column, index, layout: column.type.layout }));
    const columns = names === null ? known : names.flatMap((name) => known.filter((each) => each.name === name));
    const out = new ByteChunks(this.#pool);
    const prefix = prefixOf(job, block);
    const place = Buffer.alloc(prefix.length + 16);
    place.set(prefix);
    const encoder = new RowEncoder(columns, names === null);
    const fields = new JsonFields(job.columns);
    const layout: BinaryLayout = { prefix, columns: new Map(columns.map((each) => [each.name, each.layout])) };
    /** Writes the rows of a piece to `out`, and gives their number. */
    const write = (piece: BlockPiece, refuse: (reject: () => SinkReject) => void): number => {
      let rows = 0;
      const json: VisitRow = (bytes, start, end, rowNumber, offset) => {
        fields.read(bytes, start, end);
        writeInteger(place, writeInteger(place, prefix.length, rowNumber, 8), offset, 8);
        const refusal = encoder.write(fields, bytes, place, out);
        if (refusal === null) rows += 1;
        else refuse(() => rejectOf(refusal, job, fields, bytes.subarray(start, end), { rowNumber, offset }));
      };
      const binary = (bytes: Uint8Array, count: number): void => {
        out.append(bytes);
        rows += count;
      };
      if (names === null) piece.forEach(json);
      else piece.writeBinary(layout, { write: binary, json });
      return rows;
    };

    const rejects: SinkReject[] = [];
    let held: Buffer[] | undefined;
    const left: BlockPiece[] = [];
    let rows = 0;
    for (const piece of block.pieces) {
      rows += write(piece, (reject) => {
        if (rejects.length <= job.maxErrors) rejects.push(reject());
      });
      if (held !== undefined) {
        left.push(piece);
        this.#pool.giveBack(out.take());
      } else if (out.bytes > HELD_BYTES) held = out.take();
      await setImmediate(); // what is being sent goes on
    }
    const first = [headerOf(columns, names === null), ...(held ?? out.take())];
    function* chunks(): Generator<Buffer> {
      yield* first;
      for (const piece of left) {
        write(piece, () => undefined);
        yield* out.take();
      }
    }
    return { block, chunks: chunks(), held: first, rows, rejects };
  }
}

/** RowBinaryWithNamesAndTypes begins with the number of columns, their names and their types. */
function headerOf(columns: readonly TableColumn[], hasExtra: boolean): Buffer {
  const written = [
    ...OWN_COLUMNS.map(([name, type]) => [name, type] as const),
    ...columns.map(({ name, spelled }) => [name, spelled] as const),
    ...(hasExtra ? [[EXTRA, 'String'] as const] : []),
  ];
  const texts = [...written.map(([name]) => textOf(name)), ...written.map(([, type]) => textOf(type))];
  return Buffer.concat([Buffer.of(...countOf(written.length)), ...texts]);
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
