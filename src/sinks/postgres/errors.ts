import { DatabaseError } from 'pg';
import { SinkError, type SinkErrorCode, SinkOvertaken } from '../sink.js';

/** SQLSTATE: undefined_table, what a check of the tables meets before they are made. */
const UNDEFINED_TABLE = '42P01';
/** Login and rights. */
const FORBIDDEN = /^(28|42501)/;
/** Tables, columns, types or keys that are not ours; a constraint that somebody added to a table of the sink's own. */
const CONFLICT = /^(22|23|3F|42)/;
/** The row's own fault: data exceptions and violated constraints. */
const REFUSED = /^(22|23)/;
/** Serialization and deadlock: the same transaction again goes through. */
const TRANSIENT = /^40/;
const MAX_MESSAGE = 400;

export function isUndefinedTable(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === UNDEFINED_TABLE;
}

/** Rows of the statement are at fault, and others may go through. */
export function isRefusal(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && REFUSED.test(error.code ?? '');
}

export function isTransient(error: unknown): boolean {
  return error instanceof DatabaseError && TRANSIENT.test(error.code ?? '');
}

/** What PostgreSQL says, without values: `23514: new row for relation "x" violates check constraint "y"`. */
export function withoutValues(error: DatabaseError): string {
  const names = new Set([error.constraint, error.table, error.column, error.dataType, error.schema]);
  const message = error.message.replace(/"[^"]*"/g, (quoted) => (names.has(quoted.slice(1, -1)) ? quoted : '"…"'));
  // Behind a colon it quotes the value that it could not read; quotes of the value's own may have ended that early.
  const end = REFUSED.test(error.code ?? '') && error.constraint === undefined ? message.search(/: |"…"/) : -1;
  return `${error.code}: ${end < 0 ? message : message.slice(0, end).trimEnd()}`.slice(0, MAX_MESSAGE);
}

/** Errors of a statement or of the connection as the port has them; defects as they are. */
export function asSinkError(error: unknown): unknown {
  if (error instanceof SinkError || error instanceof SinkOvertaken || isDefect(error)) return error;
  if (error instanceof DatabaseError) {
    const code = codeOf(error.code ?? '');
    return new SinkError(code, `PostgreSQL: ${withoutValues(error)}`, { cause: error });
  }
  const { message } = error instanceof Error ? error : new Error(String(error));
  return new SinkError('SINK_UNAVAILABLE', `PostgreSQL does not answer: ${message || String(error)}`, { cause: error });
}

function codeOf(state: string): SinkErrorCode {
  if (FORBIDDEN.test(state)) return 'SINK_FORBIDDEN';
  return CONFLICT.test(state) ? 'SINK_SCHEMA_CONFLICT' : 'SINK_UNAVAILABLE';
}

function isDefect(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
