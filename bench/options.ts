import { parseArgs } from 'node:util';

/** What `npm run bench` measures, in this order. */
export const PARTS = [
  'starts',
  'kernel',
  'dialects',
  'latency',
  'speed',
  'rejects',
  'observability',
  'options',
  'formats',
  'claims',
  'workers',
  'sinks',
  'sources',
  'feeds',
] as const;
export type Part = (typeof PARTS)[number];

/** What of this tree is compared with another commit, in this order. */
export const COMPARED = ['starts', 'latency', 'health', 'jobs'] as const;
export type ComparedPart = (typeof COMPARED)[number];

export interface Options {
  parts: readonly Part[];
  compared: readonly ComparedPart[];
  rounds: number;
  /** Small inputs, one round: whether everything works, not how fast it is. */
  quick: boolean;
  /** This tree is compared with another commit, and nothing else is measured. */
  isComparison: boolean;
  /** Everything was measured as it is meant to be: the figures may go to bench/RESULTS.md. */
  isWhole: boolean;
}

const ROUNDS = 3;

/** Throws an Error for the user if the arguments are not understood. */
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
  const isComparison = values.against !== undefined;
  const parts = isComparison ? [] : chosen(PARTS, values.only);
  const compared = isComparison ? chosen(COMPARED, values.only) : [];
  const isWhole = !values.quick && values.only === undefined && !isComparison;
  return { parts, compared, rounds, quick: values.quick, isComparison, isWhole };
}

/** Those that are named, in their own order; all if none is. */
function chosen<P extends string>(parts: readonly P[], names: readonly string[] | undefined): readonly P[] {
  const unknown = names?.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined) {
    throw new Error(`--only takes one of ${parts.join(', ')} here, not ${JSON.stringify(unknown)}`);
  }
  return parts.filter((part) => names?.includes(part) ?? true);
}
