import type { Key, NewKey } from 'batch-ingest-sdk';
import { plain, type Style } from './style.js';
import { type Column, fitting, type Step, table } from './table.js';
import { age } from './units.js';

const STEPS: readonly Step[] = [
  ['CREATED BY', 0],
  ['AGE', 0],
  ['MODELS', 24],
  ['EXPIRES', 0],
];

/** API keys, one a line. `width`: in cells. */
export function keyTable(
  keys: readonly Key[],
  style: Style = plain,
  now = Date.now(),
  width = Number.POSITIVE_INFINITY,
): string {
  const columns: Column<Key>[] = [
    { title: 'ID', text: ({ id }) => id },
    { title: 'NAME', text: ({ name }) => name },
    { title: 'SCOPE', text: ({ scope }) => scope },
    { title: 'MODELS', text: ({ models }) => models?.join(',') ?? 'all' },
    {
      title: 'STATE',
      text: (key) => stateOf(key, now),
      paint: (key) => (stateOf(key, now) === 'VALID' ? style.green : style.dim),
    },
    { title: 'EXPIRES', text: ({ expires_at: at }) => at ?? 'never' },
    { title: 'AGE', text: ({ created_at: at }) => age(now - Date.parse(at)), align: 'right' },
    { title: 'CREATED BY', text: ({ created_by: by }) => by ?? 'the server' },
  ];
  return table(fitting(columns, keys, width, STEPS), keys, style);
}

/** One key; and itself, if it was just created. */
export function keyDetails(key: Key | NewKey, style: Style = plain): string {
  const itself = 'key' in key ? `\n${style.bold(key.key)}\n` : '';
  return keyTable([key], style) + itself;
}

function stateOf({ revoked_at: revoked, expires_at: expires }: Key, now: number): string {
  if (revoked !== null) return 'REVOKED';
  return expires !== null && Date.parse(expires) <= now ? 'EXPIRED' : 'VALID';
}
