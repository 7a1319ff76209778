import { parseArgs } from 'node:util';

/** What `npm run bench` measures, in this order. */
export const PARTS = ['starts', 'kernel', 'latency', 'speed', 'rejects', 'options', 'formats'] as const;
export type Part = (typeof PARTS)[number];

export interface Options {
  parts: readonly Part[];
  rounds: number;
  /** Small inputs, one round: whether everything works, not how fast it is. */
  quick: boolean;
  /** This tree is compared with another commit, and nothing else is measured. */
  isComparison: boolean;
  /** Everything was measured as it is meant to be: the figures may go to bench/RESULTS.md. */
  isWhole: boolean;
}

const ROUNDS = 3;

/** Throws an Error for the user where the arguments are not understood. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      against: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 99) throw new Error('--rounds takes a number from 1 to 99');
  const parts = values.only?.map(partOf) ?? PARTS;
  const isComparison = values.against !== undefined;
  if (isComparison && values.only !== undefined)
    throw new Error('--against measures parts of its own: leave --only out');
  const isWhole = !values.quick && values.only === undefined && !isComparison;
  return { parts: PARTS.filter((part) => parts.includes(part)), rounds, quick: values.quick, isComparison, isWhole };
}

function partOf(name: string): Part {
  const part = PARTS.find((known) => known === name);
  if (part === undefined) throw new Error(`--only takes one of ${PARTS.join(', ')}, not ${JSON.stringify(name)}`);
  return part;
}
