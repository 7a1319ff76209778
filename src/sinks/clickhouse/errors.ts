import { SinkError, type SinkErrorCode } from '../sink.js';

/** ClickHouse's numbers of errors (src/Common/ErrorCodes.cpp). */
const FORBIDDEN = new Set(['164', '192', '193', '194', '497', '516']);
const CONFLICTS = new Set(['48', '57', '60', '81', '344', '469']);
/** What the columns of a table are has changed since it was read, or a value does not fit. */
const COLUMNS_CHANGED = new Set(['10', '16', '20', '47', '53', '70', '117']);
/** What is so for every job: login, too many queries, no memory, no disk, read-only, being shut down. */
const IS_DOWN = new Set(['164', '192', '193', '194', '202', '210', '236', '241', '243', '516', '999']);
const TOO_MANY_PARTS = '252';
const UNKNOWN_TABLE = '60';
const MAX_MESSAGE = 400;

interface Answered extends Error {
  /** ClickHouse's number, or the name of a socket's error. */
  code?: string;
  type?: string;
}

/** What went wrong with an INSERT: ClickHouse's own words may quote the rows, so they are left out. */
export function insertErrorOf(error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  const { code = '', type = '' } = error as Answered;
  if (!/^\d+$/.test(code) || code === TOO_MANY_PARTS) return sinkErrorOf(error);
  return new SinkError(codeOf(code), `ClickHouse refused the rows: ${type} (${code})`, { isDown: IS_DOWN.has(code) });
}

/** What went wrong with a statement that has no rows, as a SinkError. */
export function sinkErrorOf(error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  const { code = '', type = '', message } = error as Answered;
  if (!/^\d+$/.test(code))
    return new SinkError('SINK_UNAVAILABLE', shortened(message || code || 'no answer'), { cause: error, isDown: true });
  if (code === TOO_MANY_PARTS) {
    return new SinkError(
      'SINK_UNAVAILABLE',
      'ClickHouse merges its parts more slowly than they come (TOO_MANY_PARTS)',
      {
        cause: error,
      },
    );
  }
  // What was to be parsed may stand in the message.
  const words = COLUMNS_CHANGED.has(code) ? `${type} (${code})` : `${shortened(message)} (${type}, ${code})`;
  return new SinkError(codeOf(code), words, { cause: error, isDown: IS_DOWN.has(code) });
}

export function areColumnsChanged(error: unknown): boolean {
  return COLUMNS_CHANGED.has((error as Answered).code ?? '');
}

export function isUnknownTable(error: unknown): boolean {
  return (error as Answered).code === UNKNOWN_TABLE;
}

function codeOf(code: string): SinkErrorCode {
  if (FORBIDDEN.has(code)) return 'SINK_FORBIDDEN';
  return CONFLICTS.has(code) || COLUMNS_CHANGED.has(code) ? 'SINK_SCHEMA_CONFLICT' : 'SINK_UNAVAILABLE';
}

function shortened(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}
