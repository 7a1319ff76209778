import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { NARROW_SCHEMA, writeNarrowFile } from './narrow.js';
import { QUOTED_SCHEMA, writeQuotedFile } from './quoted.js';
import { TAXI_SCHEMA, writeTaxiFile } from './taxi.js';

export const MiB = 1024 ** 2;

export const INPUT_NAMES = ['taxi', 'quoted', 'narrow'] as const;
export type InputName = (typeof INPUT_NAMES)[number];

/** A CSV file and what is known of it from how it was made. */
export interface Input {
  readonly name: InputName;
  readonly columns: number;
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  /** Size of an average row, without its line end. */
  readonly recordBytes: number;
  readonly everySecondBad: boolean;
  /** Those that the model rejects. */
  readonly badRows: number;
}

export const SCHEMAS = { taxi: TAXI_SCHEMA, quoted: QUOTED_SCHEMA, narrow: NARROW_SCHEMA };
const WRITERS = { taxi: writeTaxiFile, quoted: writeQuotedFile, narrow: writeNarrowFile };

/** Number of bytes of rows that are made one by one; a larger file repeats them, which takes a tenth of the time. */
const DISTINCT_BYTES = 64 * MiB;
/** A file ends with a whole row, and must not be larger than it was asked for. */
const SLACK_BYTES = MiB / 16;

/** Writes an input of at most `bytes`, nearly; the same one every time. */
export function writeInput(folder: string, name: InputName, bytes: number, everySecondBad = false): Input {
  const path = join(folder, `${name}-${bytes}${everySecondBad ? '-bad' : ''}.csv`);
  const distinctRows = WRITERS[name](path, Math.min(bytes, DISTINCT_BYTES) - SLACK_BYTES, everySecondBad);
  const copies = repeatRows(path, bytes);
  const rows = distinctRows * copies;
  const size = statSync(path).size;
  return {
    name,
    columns: Object.keys(SCHEMAS[name]).length,
    path,
    bytes: size,
    rows,
    recordBytes: Math.round(size / rows) - 1,
    everySecondBad,
    badRows: everySecondBad ? Math.floor(distinctRows / 2) * copies : 0,
  };
}

/** Appends the file's rows to it as often as fits; returns how often they are in it then. */
function repeatRows(path: string, bytes: number): number {
  const whole = readFileSync(path);
  const rows = whole.subarray(whole.indexOf('\n') + 1);
  const more = Math.floor((bytes - whole.length) / rows.length);
  const file = openSync(path, 'a');
  for (let copy = 0; copy < more; copy++) writeSync(file, rows);
  closeSync(file);
  return 1 + more;
}

/** Reads a file to its end, so that it lies in the page cache. */
export function readThrough(path: string): void {
  const file = openSync(path, 'r');
  const chunk = Buffer.allocUnsafeSlow(4 * MiB);
  while (readSync(file, chunk) > 0);
  closeSync(file);
}
