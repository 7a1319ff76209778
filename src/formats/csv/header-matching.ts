import { ServiceError } from '../../errors/index.js';
import { type Column, MAX_COLUMN_NAME_BYTES, MAX_COLUMNS } from '../../models/schema/index.js';
import type { Renames } from '../row-reader.js';
import { shorten } from '../text.js';

/** Names that one message lists. */
const MAX_LISTED = 20;
/** Limit of a name in a message, in characters. */
const MAX_SHOWN = 64;

/** A model column that the file has. */
export interface FileColumn {
  /** Index of its field in the row, from 0. */
  index: number;
  column: Column;
}

/**
 * The names by which the model's columns are found in a file. Throws ServiceError HEADER_MISMATCH if the file lacks a
 * column that is to be renamed.
 */
export function renameColumns(header: readonly string[], renames: Renames = {}): string[] {
  const names = new Map(Object.entries(renames));
  const given = new Set(header);
  const missing = [...names.keys()].filter((name) => !given.has(name));
  if (missing.length > 0) {
    throw new ServiceError('HEADER_MISMATCH', `the file lacks columns that the job renames: ${list(missing)}`);
  }
  return header.map((name) => names.get(name) ?? name);
}

/**
 * A name for each column: `column_3` for the third if it has none, `name_2` for the second `name`; the next number that makes
 * a name which no column has.
 */
export function distinctNames(header: readonly string[]): string[] {
  const taken = new Set(header);
  const seen = new Set<string>(['']);
  const numbers = new Map<string, number>();
  return header.map((given, index) => {
    if (!seen.has(given)) {
      seen.add(given);
      return given;
    }
    const base = given === '' ? `column_${index + 1}` : given;
    let name = base;
    for (let number = numbers.get(base) ?? 2; taken.has(name); number++) {
      name = `${base}_${number}`;
      numbers.set(base, number + 1);
    }
    taken.add(name);
    return name;
  });
}

/**
 * Throws ServiceError HEADER_MISMATCH if one of these is a column of neither the file nor the model. `named`: what the job
 * says about them.
 */
export function checkNamed(
  names: readonly string[],
  header: readonly string[],
  columns: readonly Column[],
  named: string,
): void {
  const known = new Set([...header, ...columns.map(({ name }) => name)]);
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new ServiceError(
    'HEADER_MISMATCH',
    `neither the file nor the model has columns that the job ${named}: ${list(unknown)}`,
  );
}

/**
 * Finds the model's columns in a file's header, by name, byte for byte; in the file's order. Throws ServiceError
 * HEADER_MISMATCH if a required column is missing, a column is unexpected and the model allows no others, or the
 * names are unusable (empty, repeated, too long, too many).
 */
export function matchHeader(
  header: readonly string[],
  columns: readonly Column[],
  additionalColumns: boolean,
): FileColumn[] {
  checkNames(header);
  const problems = describeDifferences(compareNames(header, columns, additionalColumns));
  if (problems.length > 0) throw new ServiceError('HEADER_MISMATCH', problems.join('; '));
  const known = new Map(columns.map((column) => [column.name, column]));
  return header.flatMap((name, index) => {
    const column = known.get(name);
    return column === undefined ? [] : [{ index, column }];
  });
}

/** Names that a file lacks, and those that the model does not take. */
export interface NameDifferences {
  missing: string[];
  unexpected: string[];
}

/**
 * How the names that there are differ from those of the model. Where one is missing, those that the model does not know
 * are told even if it takes others: the missing one may be among them.
 */
export function compareNames(
  names: readonly string[],
  columns: readonly Column[],
  additionalColumns: boolean,
): NameDifferences {
  const known = new Set(columns.map((column) => column.name));
  const given = new Set(names);
  const missing = columns.filter((column) => !column.nullable && !given.has(column.name)).map((column) => column.name);
  const isOpen = additionalColumns && missing.length === 0;
  return { missing, unexpected: isOpen ? [] : names.filter((name) => !known.has(name)) };
}

/** The differences in words. */
export function describeDifferences({ missing, unexpected }: NameDifferences): string[] {
  const problems = [];
  if (missing.length > 0) problems.push(`missing columns: ${list(missing)}`);
  if (unexpected.length > 0) problems.push(`unexpected columns: ${list(unexpected)}`);
  return problems;
}

/** Throws ServiceError HEADER_MISMATCH if the names are empty, repeated, too long or too many. */
export function checkNames(header: readonly string[]): void {
  if (header.length > MAX_COLUMNS) {
    throw new ServiceError('HEADER_MISMATCH', `the header names ${header.length} columns, more than ${MAX_COLUMNS}`);
  }
  const empty = header.flatMap((name, index) => (name === '' ? [index + 1] : []));
  const long = header.filter((name) => Buffer.byteLength(name) > MAX_COLUMN_NAME_BYTES);
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const name of header) {
    if (seen.has(name) && name !== '') repeated.add(name);
    seen.add(name);
  }
  const problems = [];
  if (empty.length > 0) problems.push(`columns without a name at position ${listOf(empty.map(String))}`);
  if (repeated.size > 0) problems.push(`repeated columns: ${list([...repeated])}`);
  if (long.length > 0) problems.push(`names longer than ${MAX_COLUMN_NAME_BYTES} bytes: ${list(long)}`);
  if (problems.length > 0) throw new ServiceError('HEADER_MISMATCH', problems.join('; '));
}

/** The first of the names, and how many more there are. */
export function list(names: readonly string[]): string {
  return listOf(
    names.slice(0, MAX_LISTED).map((name) => JSON.stringify(shorten(name, MAX_SHOWN))),
    names.length,
  );
}

/** The same of other words. */
export function listOf(items: readonly string[], total = items.length): string {
  const listed = items.slice(0, MAX_LISTED).join(', ');
  return total > MAX_LISTED ? `${listed} and ${total - MAX_LISTED} more` : listed;
}
