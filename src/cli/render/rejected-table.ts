import type { RejectedRow } from 'batch-ingest-sdk';
import type { Style } from './style.js';
import { type Column, fitting, type Step, shortened, table } from './table.js';

interface Line {
  row: RejectedRow;
  error: RejectedRow['errors'][number];
}

/** Beyond it, a value says little and takes the message's place. */
const MAX_OBSERVED = 32;

function linesOf(row: RejectedRow): Line[] {
  return row.errors.map((error) => ({ row, error }));
}

/** What gives way if the terminal is narrow, first things first: the message has much of what is beside it. */
const STEPS: readonly Step[] = [
  ['MESSAGE', 40],
  ['TYPE', 0],
  ['OBSERVED', 12],
  ['COLUMN', 20],
  ['OBSERVED', 0],
  ['MESSAGE', 24],
  ['COLUMN', 12],
  ['LINE', 0],
  ['COLUMN', 8],
  ['MESSAGE', 12],
];

/** One line for each error of each row. `width`: of the terminal, in cells. */
export function rejectedTable(rows: readonly RejectedRow[], style: Style, width = Number.POSITIVE_INFINITY): string {
  const columns: Column<Line>[] = [
    { title: 'ROW', text: ({ row }) => String(row.row_number), align: 'right' },
    { title: 'LINE', text: ({ row }) => String(row.line ?? ''), align: 'right' },
    { title: 'COLUMN', text: ({ error }) => error.column ?? '' },
    { title: 'TYPE', text: ({ error }) => error.type ?? '' },
    { title: 'ERROR', text: ({ error }) => error.error, paint: () => style.red },
    { title: 'OBSERVED', text: ({ error }) => shortened(error.observed ?? '', MAX_OBSERVED) },
    { title: 'MESSAGE', text: ({ error }) => withoutColumn(error) },
  ];
  const lines = rows.flatMap(linesOf);
  return table(fitting(columns, lines, width, STEPS), lines, style);
}

/** The column stands beside it. */
function withoutColumn({ column, message }: Line['error']): string {
  const prefix = `column '${column}': `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
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
