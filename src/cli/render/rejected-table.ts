import type { RejectedRow } from '../../sdk/index.js';
import type { Style } from './style.js';
import { table } from './table.js';

interface Line {
  row: RejectedRow;
  error: RejectedRow['errors'][number];
}

/** Beyond it, a value says little and takes the message's place. */
const MAX_OBSERVED = 32;

function linesOf(row: RejectedRow): Line[] {
  return row.errors.map((error) => ({ row, error }));
}

/** One line for each error of each row. */
export function rejectedTable(rows: readonly RejectedRow[], style: Style): string {
  return table<Line>(
    [
      { title: 'ROW', text: ({ row }) => String(row.row_number), align: 'right' },
      { title: 'LINE', text: ({ row }) => String(row.line ?? ''), align: 'right' },
      { title: 'COLUMN', text: ({ error }) => error.column ?? '' },
      { title: 'TYPE', text: ({ error }) => error.type ?? '' },
      { title: 'ERROR', text: ({ error }) => error.error, paint: () => style.red },
      { title: 'OBSERVED', text: ({ error }) => shortened(error.observed ?? '') },
      { title: 'MESSAGE', text: ({ error }) => error.message },
    ],
    rows.flatMap(linesOf),
    style,
  );
}

export const CSV_HEADER = 'row_number,line,column,type,error,observed,message,raw_data\r\n';

/** RFC 4180: one line for each error of a row. */
export function csvLines(row: RejectedRow): string {
  return linesOf(row)
    .map(({ error }) => [
      row.row_number,
      row.line,
      error.column,
      error.type,
      error.error,
      error.observed,
      error.message,
      row.raw_data,
    ])
    .map((fields) => `${fields.map((field) => csvField(field === null ? '' : String(field))).join(',')}\r\n`)
    .join('');
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function shortened(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_OBSERVED ? text : `${characters.slice(0, MAX_OBSERVED - 1).join('')}…`;
}
