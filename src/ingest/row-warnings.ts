/** What a job says of its rows beside their rejections. BROKEN_QUOTES: of records that break at a quote. */
export type WarningCode = 'BROKEN_QUOTES';

/** Which rows it is about. */
export interface RowWarning {
  count: number;
  /** Numbers of the first MAX_FIRST_ROWS of them, from 1. */
  firstRows: readonly number[];
}

export const MAX_FIRST_ROWS = 5;

export type RowWarnings = Readonly<Partial<Record<WarningCode, RowWarning>>>;
