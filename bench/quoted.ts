import { random } from '../test/kit/random.js';
import { dateTime, money, writeRows } from './write-rows.js';

/** 8 columns of comments, with quotes, delimiters, line ends and doubled quotes inside quotes: about 200 bytes a row. */
export const QUOTED_SCHEMA = {
  id: 'Int64',
  created_at: 'DateTime',
  author: 'String',
  title: 'String',
  body: 'String',
  rating: 'Float64',
  verified: 'Bool',
  country: 'Nullable(String)',
};

const WORDS = (
  'the of and to in café is you that it Zürich he was for on are 日本語 as with his they naïve I at be this have from or ' +
  'one had by word but not what all were we when your can said there use an each which she do how their if will up ' +
  'other about out many then them these so some her would make like him into time has look two more write go see ' +
  'number no way could people my than first water been call who oil its now find long down day did get come made may part'
).split(' ');
const AUTHORS = [
  'Smith, John',
  'García, María',
  "O'Brien, Pat",
  'Müller, Jürgen',
  'Lee, Ann',
  '田中, 太郎',
  'Doe, Jane',
];
const COUNTRIES = ['US', 'DE', 'FR', 'JP', '', 'GB', 'BR'];

/** Writes at least `bytes` of it, the same ones every time; returns the number of rows. */
export function writeQuotedFile(path: string, bytes: number, everySecondBad = false): number {
  const below = random();
  return writeRows(path, bytes, QUOTED_SCHEMA, (row, isBad) => quotedRow(row, below, isBad), everySecondBad);
}

function quotedRow(row: number, below: (limit: number) => number, isBad: boolean): string {
  const created = dateTime(1_672_531_200 + (row % 31_536_000)).replace(' ', 'T');
  return [
    1_000_000_000 + row,
    `${created}.${String(below(1_000)).padStart(3, '0')}Z`,
    `"${pick(AUTHORS, below)}"`,
    below(2) > 0 ? `"${words(4, below)}, ${words(2, below)}"` : words(6, below),
    body(below),
    isBad ? 'n/a' : money(below(500)),
    below(2) > 0 ? 'true' : 'false',
    pick(COUNTRIES, below),
  ].join(',');
}

function body(below: (limit: number) => number): string {
  switch (below(4)) {
    case 0:
      return `"${words(9, below)}\n${words(14, below)}, ${words(8, below)}"`;
    case 1:
      return `"${words(12, below)} ""${words(3, below)}"" ${words(8, below)}"`;
    case 2:
      return `"${words(10, below)}, ${words(6, below)}"`;
    default:
      return words(23, below);
  }
}

function words(count: number, below: (limit: number) => number): string {
  return Array.from({ length: count }, () => pick(WORDS, below)).join(' ');
}

function pick(list: readonly string[], below: (limit: number) => number): string {
  return list[below(list.length)] ?? '';
}
