import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * Writes a CSV file of at least `bytes` bytes: the columns' names, then rows. `row` gets the row's number from 0, and
 * whether to put something into it that its model rejects. Returns the number of rows.
 */
export function writeRows(
  path: string,
  bytes: number,
  schema: object,
  row: (number: number, isBad: boolean) => string,
  everySecondBad = false,
): number {
  const file = openSync(path, 'w');
  let rows = 0;
  let written = writeSync(file, `${Object.keys(schema).join(',')}\n`);
  while (written < bytes) {
    let block = '';
    for (let i = 0; i < 1_000 && written + block.length < bytes; i++, rows++) {
      block += `${row(rows, everySecondBad && rows % 2 === 1)}\n`;
    }
    written += writeSync(file, block);
  }
  closeSync(file);
  return rows;
}

/** `YYYY-MM-DD hh:mm:ss` in UTC. */
export function dateTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

export function money(cents: number): string {
  return (cents / 100).toFixed(2);
}
