import { ServiceError } from '../errors/index.js';
import type { RowErrorCode, RowNumber } from '../formats/index.js';
import { MAX_FIRST_ROWS, type RowWarnings } from '../ingest/index.js';

const CODES: readonly RowErrorCode[] = ['STRAY_QUOTE', 'UNTERMINATED_QUOTE'];

/**
 * Counts the records of a job that break at a quote, after those that its checkpoint knows. With `stops` the first one is a
 * ServiceError BROKEN_RECORD instead.
 */
export class BrokenRecords {
  #count: number;
  readonly #firstRows: number[];

  constructor(
    { BROKEN_QUOTES: known }: RowWarnings,
    private readonly stops: boolean,
  ) {
    this.#count = known?.count ?? 0;
    this.#firstRows = [...(known?.firstRows ?? [])];
  }

  /** `rows` rejections, whose first error is this one, in the order of the file. `first` finds the first of them. */
  take(code: RowErrorCode, rows: number, first: (most: number) => RowNumber[]): void {
    if (!CODES.includes(code)) return;
    if (this.stops) throw brokenRecord(first(1));
    this.#count += rows;
    const missing = MAX_FIRST_ROWS - this.#firstRows.length;
    if (missing > 0) this.#firstRows.push(...first(missing).map(({ rowNumber }) => rowNumber));
  }

  /** What a checkpoint of the rows so far has. */
  get warnings(): RowWarnings | undefined {
    if (this.#count === 0) return undefined;
    return { BROKEN_QUOTES: { count: this.#count, firstRows: [...this.#firstRows] } };
  }
}

function brokenRecord([place]: readonly RowNumber[]): ServiceError {
  const where = place === undefined ? 'a record' : `row ${place.rowNumber} (line ${place.line})`;
  return new ServiceError('BROKEN_RECORD', `${where} breaks at a quote, and on_broken is stop`);
}
