import type { Bench } from './bench.js';
import type { Input } from './inputs.js';
import { median } from './statistics.js';
import { cpuSeconds } from './usage.js';
import { warm } from './warm.js';

const MB = 1e6;
const GB = 1e9;

/** One timed run. */
export interface Run {
  /** Bytes of CSV. */
  bytes: number;
  seconds: number;
  /** CPU time of the program that is measured, which is not the broker. */
  cpuSeconds: number;
}

/** Something that brings an input's rows into Kafka. */
export interface Contender<R extends Run = Run> {
  readonly name: string;
  readonly input: Input;
  /** Once, with as little beside it as can be. */
  run(): Promise<R>;
}

/** A run, and what the broker took meanwhile. */
export type Timed<R extends Run = Run> = R & { brokerCpuSeconds: number };

/** The runs of each contender, one a round; none of one that is not there. */
type RunsOf<C> = { [K in keyof C]: NonNullable<C[K]> extends Contender<infer R> ? Timed<R>[] : never };

/**
 * Runs each contender once in every round, on a machine that is warmed anew, so that what the machine does in between
 * hits all alike. Runs of one round stand at the same index: `ratios` compares those.
 */
export async function interleave<C extends Record<string, Contender | null>>(
  bench: Bench,
  contenders: C,
): Promise<RunsOf<C>> {
  const results: Record<string, Timed[]> = Object.fromEntries(Object.keys(contenders).map((key) => [key, []]));
  for (let round = 0; round < bench.rounds; round++) {
    for (const [key, contender] of inTurn(Object.entries(contenders), round)) {
      if (contender === null) continue;
      await warm(bench.broker.brokers, contender.input);
      const before = cpuSeconds(bench.broker.pid);
      const run = await contender.run();
      const timed = { ...run, brokerCpuSeconds: cpuSeconds(bench.broker.pid) - before };
      bench.report.addRun(contender, timed);
      results[key]?.push(timed);
    }
  }
  return results as RunsOf<C>;
}

/** Every other round goes backwards: who comes first is up to a tenth slower, even if both are the same. */
export function inTurn<T>(contenders: Iterable<T>, round: number): T[] {
  return round % 2 === 0 ? [...contenders] : [...contenders].reverse();
}

/** Megabytes of CSV per second. */
export function mbPerSecond({ bytes, seconds }: Pick<Run, 'bytes' | 'seconds'>): number {
  return bytes / MB / seconds;
}

export function cpuPerGb({ bytes, cpuSeconds }: Pick<Run, 'bytes' | 'cpuSeconds'>): number {
  return cpuSeconds / (bytes / GB);
}

export function brokerCpuPerGb({ bytes, brokerCpuSeconds }: Timed): number {
  return brokerCpuSeconds / (bytes / GB);
}

export function medianOf<R>(runs: readonly R[], figure: (run: R) => number): number {
  return median(runs.map(figure));
}

/** The median of what runs of the same round give when one is divided by the other. */
export function medianRatio<A, B>(
  ours: readonly A[],
  theirs: readonly B[],
  figureOf: { ours: (run: A) => number; theirs: (run: B) => number },
): number {
  return median(
    ours.flatMap((our, round) => {
      const their = theirs[round];
      return their === undefined ? [] : [figureOf.ours(our) / figureOf.theirs(their)];
    }),
  );
}
