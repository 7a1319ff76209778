import { ServiceError } from '../errors/index.js';
import { shorten } from '../formats/index.js';
import { columnNameProblem } from '../models/schema/index.js';
import type { SkippedColumn } from './inference-result.js';

const MAX_NAME_LENGTH = 256;

export function skippedColumn(name: string, reason: string): SkippedColumn {
  return { name: shorten(name, MAX_NAME_LENGTH), reason };
}

/** Why a model can have no column of this name, and what helps; null: it can. */
export function nameProblem(name: string): string | null {
  const problem = columnNameProblem(name);
  return problem && `${problem}, which no model takes; rename it in the file to have it checked`;
}

/** A file's columns that a model can name, and the others. */
export function byName<T extends { name: string }>(
  columns: readonly T[],
): { usable: T[]; skipped_columns: SkippedColumn[] } {
  const usable: T[] = [];
  const skipped_columns: SkippedColumn[] = [];
  for (const column of columns) {
    const problem = nameProblem(column.name);
    if (problem === null) usable.push(column);
    else skipped_columns.push(skippedColumn(column.name, problem));
  }
  return { usable, skipped_columns };
}

/** Throws ServiceError HEADER_MISMATCH if all columns are skipped. */
export function refuseNoColumns(columns: readonly unknown[], [first]: readonly SkippedColumn[]): void {
  if (columns.length > 0 || first === undefined) return;
  throw new ServiceError(
    'HEADER_MISMATCH',
    `no column of the file can be used in a model; '${first.name}': ${first.reason}`,
  );
}
