import { closeSync, openSync, writeFileSync } from 'node:fs';

/**
 * Files whose right outcome is known row by row from how they are made: nothing of the product is used to say what
 * should come out. Any row can be made again from seed and number, so nothing large is kept for the comparison.
 */

export const SCHEMA = {
  id: 'UInt64',
  name: 'String',
  qty: 'Int32',
  price: 'Decimal(12,2)',
  at: 'DateTime',
  paid: 'Nullable(Bool)',
};

const HEADER = 'id,name,qty,price,at,paid\n';
const WRITE_BYTES = 1 << 20;

export interface Row {
  /** Without the line end. */
  text: string;
  /** The first error the row must be rejected with; null: it must be accepted. */
  error: string | null;
}

/** A file on disk; its rows are numbered from 1. */
export interface RowFile {
  readonly path: string;
  readonly rows: number;
  readonly seed: number;
  /** Numbers of the rows that must be accepted, in order. */
  readonly accepted: Uint32Array;
  /** Numbers of those that must be rejected. */
  readonly rejected: Uint32Array;
  /** Where each rejected row begins: physical line (the header is line 1), byte. */
  readonly places: ReadonlyMap<number, { line: number; byte: number }>;
}

const REJECTED_IN_THOUSAND = 13;

export function makeRow(seed: number, number: number): Row {
  const dice = mix(seed, number);
  const name = nameOf(dice, number);
  const qty = (dice >>> 3) % 100_000;
  const price = `${(dice >>> 5) % 10_000_000}.${String(dice % 100).padStart(2, '0')}`;
  const at = `2026-${two(1 + (dice % 12))}-${two(1 + (dice % 28))}T${two(dice % 24)}:${two(dice % 60)}:${two(number % 60)}Z`;
  const paid = ['true', 'false', '1', ''][dice % 4];
  const fields = (changes: { qty?: string; price?: string; at?: string }) =>
    [number, name, changes.qty ?? qty, changes.price ?? price, changes.at ?? at, paid].join(',');
  if (mix(dice, number) % 1000 >= REJECTED_IN_THOUSAND) return { text: fields({}), error: null };
  switch (dice % 6) {
    case 0:
      return { text: fields({ qty: '3.5' }), error: 'NOT_AN_INTEGER' };
    case 1:
      return { text: fields({ qty: '3000000000', price: 'much' }), error: 'OUT_OF_RANGE' };
    case 2:
      return { text: fields({ at: '2026-02-30T00:00:00Z' }), error: 'INVALID_DATETIME' };
    case 3:
      return { text: fields({ qty: '' }), error: 'NULL_VALUE' };
    case 4:
      return { text: `${number},short,1`, error: 'RAGGED_ROW' };
    default:
      return { text: `${number},a 19" rack,1,1.00,2026-01-01T00:00:00Z,`, error: 'STRAY_QUOTE' };
  }
}

export function writeRowFile(path: string, rows: number, seed: number): RowFile {
  const accepted: number[] = [];
  const rejected: number[] = [];
  const places = new Map<number, { line: number; byte: number }>();
  const file = openSync(path, 'w');
  try {
    let byte = HEADER.length;
    let line = 2;
    let block = HEADER;
    for (let number = 1; number <= rows; number++) {
      const { text, error } = makeRow(seed, number);
      if (error === null) accepted.push(number);
      else {
        rejected.push(number);
        places.set(number, { line, byte });
      }
      byte += Buffer.byteLength(text) + 1;
      line += text.split('\n').length;
      block += `${text}\n`;
      if (block.length < WRITE_BYTES && number < rows) continue;
      writeFileSync(file, block);
      block = '';
    }
  } finally {
    closeSync(file);
  }
  return { path, rows, seed, accepted: Uint32Array.from(accepted), rejected: Uint32Array.from(rejected), places };
}

function nameOf(dice: number, number: number): string {
  switch ((dice >>> 7) % 8) {
    case 0:
      return `"bolt, ""M${dice % 30}"""`;
    case 1:
      return `"two\nlines ${number}"`;
    case 2:
      return `Schraube größer ${dice % 97} €`;
    case 3:
      return '';
    default:
      return `part-${dice.toString(36)}`;
  }
}

/** 32 bits that look random, the same for the same two numbers (murmur3's finalizer). */
function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ Math.imul(b, 0x9e37_79b1), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
