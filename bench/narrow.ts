import { random } from '../test/kit/random.js';
import { money, writeRows } from './write-rows.js';

/** 3 columns of numbers: about 27 bytes a row. */
export const NARROW_SCHEMA = { event_id: 'UInt32', timestamp: 'Int64', amount: 'Float64' };

/** Writes at least `bytes` of it, the same ones every time; returns the number of rows. */
export function writeNarrowFile(path: string, bytes: number, everySecondBad = false): number {
  const below = random();
  const row = (number: number, isBad: boolean): string =>
    `${1_000_000 + number},${1_700_000_000 + (number >> 3)},${isBad ? 'n/a' : money(below(99_999))}`;
  return writeRows(path, bytes, NARROW_SCHEMA, row, everySecondBad);
}
