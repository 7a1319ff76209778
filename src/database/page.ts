import { ServiceError } from '../errors/index.js';

/** Part of a list that is ordered by `seq`, newest first. Rows that are added meanwhile move nothing. */
export interface Page<T> {
  items: T[];
  /** Asks for the next page; null: this is the last. */
  nextCursor: string | null;
}

/** The page that `rows` make: read one row more than `limit`, to know whether there is another page. */
export function toPage<R extends { seq: number }, T>(rows: readonly R[], limit: number, read: (row: R) => T): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(read),
    nextCursor: rows.length > limit && last !== undefined ? String(last.seq) : null,
  };
}

/** The `seq` that a page lies before; absent: the first page. Throws INVALID_REQUEST for what no page gave. */
export function beforeSeq(cursor: string | undefined): number {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new ServiceError('INVALID_REQUEST', 'cursor must be a value returned by the previous page');
}
