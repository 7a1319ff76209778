import type { SampleRecord } from './sample-records.js';

/** A table of records that are all of one width, and what stands before it. */
export interface TableShape {
  /** Number of fields of a row. */
  width: number;
  /** Index of the table's first record, which may be its header. */
  start: number;
  /** The share of the records from there that are whole and have this width. */
  agreement: number;
  /** Number of records from there that are broken. */
  broken: number;
  /** The first record has one field less than the others, whose last field is always empty: they end with a delimiter. */
  trailing: boolean;
}

/** Maximum number of lines before the table. */
const MAX_PREAMBLE = 40;

/** The table that most of the records belong to, the wider the better; null if no record is whole. */
export function tableShape(records: readonly SampleRecord[]): TableShape | null {
  const width = likeliestWidth(records);
  if (width === null) return null;
  let start = records.findIndex(({ cells }) => cells?.length === width);
  if (start > MAX_PREAMBLE) return null;
  start = behindTitles(records, start, width);
  const trailing = isHeaderOfTrailing(records, start, width);
  if (trailing) start -= 1;
  const table = records.slice(start);
  const fitting = table.filter(({ cells }) => cells?.length === width).length + Number(trailing);
  const broken = table.filter(({ cells }) => cells === null).length;
  return { width: trailing ? width - 1 : width, start, agreement: fitting / table.length, broken, trailing };
}

/** By the share of records that have it, and how many columns it makes. */
function likeliestWidth(records: readonly SampleRecord[]): number | null {
  const counts = new Map<number, number>();
  for (const { cells } of records) if (cells !== null) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  let likeliest: number | null = null;
  let most = 0;
  for (const [width, count] of counts) {
    // One field is what anything has that is not a table.
    const weight = (count / records.length) ** 3 * Math.max(0.1, (width - 1) / width);
    if (weight <= most) continue;
    most = weight;
    likeliest = width;
  }
  return likeliest;
}

/** Spreadsheets write titles as rows, too: with one filled cell where the table has several. */
function behindTitles(records: readonly SampleRecord[], from: number, width: number): number {
  if (width < 3) return from;
  for (let index = from; index < Math.min(records.length - 1, from + MAX_PREAMBLE); index++) {
    const filled = filledCells(records[index]);
    const after = records.slice(index + 1, index + 6).map(filledCells);
    const usual = Math.max(...after);
    if (filled > Math.max(1, usual / 3) || usual < 3) return index;
  }
  return from;
}

function filledCells(record: SampleRecord | undefined): number {
  return record?.cells?.filter((cell) => cell.trim() !== '').length ?? 0;
}

function isHeaderOfTrailing(records: readonly SampleRecord[], start: number, width: number): boolean {
  const header = records[start - 1]?.cells;
  if (header?.length !== width - 1 || width < 3 || header.some((cell) => cell.trim() === '')) return false;
  return records.slice(start).every(({ cells }) => cells?.length !== width || cells[width - 1]?.trim() === '');
}
