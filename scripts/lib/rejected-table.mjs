// Reads rejected rows, one JSON object a line, and prints them as a table: one line for every error of every row.
import { text } from 'node:stream/consumers';

const HEADINGS = ['ROW', 'LINE', 'COLUMN', 'TYPE', 'ERROR', 'OBSERVED', 'MESSAGE'];
const WIDEST = { OBSERVED: 30, MESSAGE: 110 };

const rows = (await text(process.stdin))
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line));
const table = [HEADINGS];
for (const { row_number, line, errors } of rows) {
  for (const { column, type, error, observed, message } of errors) {
    table.push(
      [row_number, line, column, type, error, observed, message].map((value, i) => cell(value, WIDEST[HEADINGS[i]])),
    );
  }
}
const widths = HEADINGS.map((_, i) => Math.max(...table.map((row) => row[i].length)));
for (const row of table) console.log(`  ${row.map((value, i) => value.padEnd(widths[i])).join('  ')}`.trimEnd());

/** One line of printable text: a rejected value may hold anything. */
function cell(value, widest = 40) {
  const shown = value === null || value === undefined ? '-' : String(value).replace(/\p{C}/gu, '·');
  return shown.length > widest ? `${shown.slice(0, widest - 1)}…` : shown;
}
