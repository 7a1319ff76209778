import type { BinaryLayout, RejectedRow } from '../formats/index.js';
import type { SinkName } from '../ingest/index.js';
import type { JobSummary, SinkJob } from './sink-job.js';
import type { SinkReject } from './sink-reject.js';

export type { JobSummary, SinkJob } from './sink-job.js';
export type { SinkReject, SinkRowErrorCode } from './sink-reject.js';

/** Where one stream of a job (accepted rows, rejected rows) goes on in a sink. */
export interface StreamPosition {
  /** Offset of the first record that is not in the sink: the end of its last block, 0 if there is none. */
  next: number;
  /** Rows that are in the sink, and rows that it has rejected. */
  rows: number;
  rejected: number;
}

export interface DataPosition extends StreamPosition {
  /** Number of the last row before `next`, rejected ones not counted; 0 if there is none. */
  lastRow: number;
}

/** Called for each row, in order: a JSON object as UTF-8 in `bytes[start, end)`, which is valid during the call only. */
export type VisitRow = (bytes: Buffer, start: number, end: number, rowNumber: number, offset: number) => void;

/** Rows of a block, one behind another. Both calls may be made again, with the same result. */
export interface BlockPiece {
  readonly count: number;
  forEach(visit: VisitRow): void;
  /** The same in ClickHouse's RowBinary, several times as fast, if the block has `binaryColumns`. */
  writeBinary(layout: BinaryLayout, visitor: BinaryRowVisitor): void;
}

/** Accepted rows of a job: those between two offsets, however often and by whomever they are read. */
export interface DataBlock {
  /** Where the block begins; its identity within the load. */
  readonly from: number;
  /** Offset behind its last record, which is where the next block begins. */
  readonly to: number;
  /** Number of rows, one at least. */
  readonly count: number;
  /** The rows in pieces of about a MiB of records, in order: what is made of one piece need not be held for the next. */
  readonly pieces: readonly BlockPiece[];
  /**
   * The columns of the model that the rows have, in the order in which `writeBinary` writes their values. null: `forEach` is
   * the only way.
   */
  readonly binaryColumns: readonly string[] | null;
}

/** Takes the rows of a block in their order: most in binary; those that it would take long to write exactly, as JSON. */
export interface BinaryRowVisitor {
  /** The next `rows` rows; the bytes are valid during the call only. */
  write(bytes: Uint8Array, rows: number): void;
  json: VisitRow;
}

/** Rejected rows of a job, likewise. */
export interface RejectedBlock {
  readonly from: number;
  readonly to: number;
  readonly rows: readonly { readonly offset: number; readonly row: RejectedRow }[];
}

/** A block ends with the record that reaches one of them. */
export interface BlockLimits {
  /** Rows that a block becomes: its records; of rejected rows their errors, each of which is a row in the sink. */
  readonly rows: number;
  /** Sum of its records' values. */
  readonly bytes: number;
}

export interface BlockResult {
  /** Rows that are in the sink now; of PostgreSQL, those that were there before count, too. */
  rows: number;
  rejects: SinkReject[];
}

export type SinkErrorCode =
  /** It does not answer, or says that it cannot now: retried for ever. */
  | 'SINK_UNAVAILABLE'
  /** It refuses the credentials or a right: retried for ever, slowly, as somebody may change that. */
  | 'SINK_FORBIDDEN'
  /** Its tables do not fit, and must be changed by hand. */
  | 'SINK_SCHEMA_CONFLICT'
  /** It has lost what it had to remember: going on would lose rows or double them. */
  | 'SINK_STATE_LOST'
  /** More rows were rejected by it than `max_sink_errors`. */
  | 'SINK_TOO_MANY_ERRORS'
  /** Links between rows and jobs are not kept (SINK_LINEAGE=off), so a job's rows are not known. */
  | 'SINK_NOT_REVERSIBLE';

/** What keeps a sink from going on. `message`: for users, never row values or secrets. */
export class SinkError extends Error {
  override readonly name = 'SinkError';

  /** Nothing of this sink can be used now: other jobs need not try. */
  readonly isDown: boolean;

  constructor(
    readonly code: SinkErrorCode,
    message: string,
    { isDown = false, ...options }: ErrorOptions & { isDown?: boolean } = {},
  ) {
    super(message, options);
    this.isDown = isDown;
  }
}

/** Somebody else loads the job, or takes its rows out: leave it alone. Nothing was written. */
export class SinkOvertaken extends Error {
  override readonly name = 'SinkOvertaken';
}

/**
 * One system that rows are loaded into, from one process. All calls throw SinkError, and SinkOvertaken where it says so; any
 * other error is a defect. A call that fails may have had its effect: the same call again does no harm, from this process or
 * from another.
 */
export interface Sink {
  readonly name: SinkName;
  /** For good: loads that are under way have blocks that were cut by them. */
  readonly limits: BlockLimits;
  /** Resolves if the system answers and takes the credentials. */
  check(): Promise<void>;
  /** Creates or extends the tables that the job needs, as far as SINK_DDL allows, and finds out where to go on. */
  open(job: SinkJob): Promise<SinkSession>;
  /**
   * Takes out what loads of the job up to `job.load` have written: when it resolves, nothing of them is there, and nothing
   * that is still under way for them will be, however late it lands. `load + 1` may begin.
   */
  remove(job: SinkJob): Promise<void>;
  /** Ends all connections; calls that are under way fail. */
  close(): Promise<void>;
}

/**
 * One load of one job. Blocks of a stream are written in order, one at a time; the two streams may be written in turn. A
 * block is written whole or not at all, and once, however often it is tried.
 */
export interface SinkSession {
  /** The table that has the rows, as users name it in SQL. */
  readonly table: string;
  /** Where to go on, as it was when the session was opened. */
  readonly position: { readonly data: DataPosition; readonly dlq: StreamPosition };
  /**
   * What this load had rejected when the session was opened, behind an offset and in their order, `limit` at most: a process
   * that died may not have told of it.
   */
  readRejects(after: number, limit: number): Promise<SinkReject[]>;
  /** Does what of writing a block needs no server: of the next one, while the server works on the one before. */
  prepare(block: DataBlock): Promise<void>;
  /**
   * Throws SinkOvertaken if the sink has gone on from `block.from` under other hands. `onSent` may be called once: the server
   * has all of the block, and works on it.
   */
  writeRows(block: DataBlock, onSent?: () => void): Promise<BlockResult>;
  /** Likewise: one row for each error. */
  writeRejected(block: RejectedBlock): Promise<void>;
  /** What is known of the job; called when all is written. Throws SINK_STATE_LOST if that is not there. */
  writeSummary(summary: JobSummary): Promise<void>;
  close(): Promise<void>;
}
