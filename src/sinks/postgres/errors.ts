import { DatabaseError } from 'pg';
import { SinkError, type SinkErrorCode, SinkOvertaken } from '../sink.js';
import { TooManyRefused } from './too-many-refused.js';

/** SQLSTATE: undefined_table, what a check of the tables meets before they are made. */
const UNDEFINED_TABLE = '42P01';
/** Login and rights. */
const FORBIDDEN = /^(28|42501)/;
/** Tables, columns, types or keys that are not ours; a constraint that somebody added to a table of the sink's own. */
const CONFLICT = /^(22|23|3F|42|54|P0)/;
/**
 * The row's own fault: data exceptions, violated constraints, limits (a value that is too long for an index), and what a
 * trigger raises.
 */
const REFUSED = /^(22|23|54|P0)/;
/** What is so for every job: the connection, a login, no room, no memory, a server that is being shut down. */
const DOWN = /^(08|28|53|57P|58)/;
/** Errors of which PostgreSQL writes the words itself: a trigger's may hold anything. */
const OWN_WORDS = /^(08|0A|22|23|25|28|3D|3F|40|42|53|54|55|57|58)/;
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
  if (!OWN_WORDS.test(error.code ?? '')) return `${error.code}`;
  const names = new Set([error.constraint, error.table, error.column, error.dataType, error.schema]);
  const message = error.message.replace(/"[^"]*"/g, (quoted) => (names.has(quoted.slice(1, -1)) ? quoted : '"…"'));
  // Behind a colon it quotes the value that it could not read; quotes of the value's own may have ended that early.
  const end = REFUSED.test(error.code ?? '') && error.constraint === undefined ? message.search(/: |"…"/) : -1;
  return `${error.code}: ${end < 0 ? message : message.slice(0, end).trimEnd()}`.slice(0, MAX_MESSAGE);
}

/** Errors of a statement or of the connection as the port has them; defects as they are. */
export function asSinkError(error: unknown): unknown {
  if (error instanceof SinkError || error instanceof SinkOvertaken || error instanceof TooManyRefused) return error;
  if (isDefect(error)) return error;
  if (error instanceof DatabaseError) {
    const code = codeOf(error.code ?? '');
    const isDown = DOWN.test(error.code ?? '');
    return new SinkError(code, `PostgreSQL: ${withoutValues(error)}`, { cause: error, isDown });
  }
  const { message } = error instanceof Error ? error : new Error(String(error));
  return new SinkError('SINK_UNAVAILABLE', `PostgreSQL does not answer: ${message || String(error)}`, {
    cause: error,
    isDown: true,
  });
}

function codeOf(state: string): SinkErrorCode {
  if (FORBIDDEN.test(state)) return 'SINK_FORBIDDEN';
  return CONFLICT.test(state) ? 'SINK_SCHEMA_CONFLICT' : 'SINK_UNAVAILABLE';
}

function isDefect(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
