import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange, Interference, Verdict } from '../kit/kafka-proxy.js';
import { type Scenario, type Stage, signal } from './stage.js';

/** Enough for the third transaction of a runner on a fast machine, too. */
const ROWS = 300_000;
/** Longer than a runner's first transaction may last. */
const BEYOND_FIRST_CUT_MS = 120;

/** The protocol's steps, each by the request that makes it. */
interface Step {
  readonly name: string;
  readonly api: string;
  /** The kill meets the n-th such request of a runner, n up to this. */
  readonly among?: number;
  /** The n before the first that may be met. */
  readonly after?: number;
  /** Whether such a request counts only once the runner has committed something. */
  readonly afterCommit?: boolean;
  /** Acknowledgements are held until the transaction is cut. */
  readonly draining?: boolean;
}

const STEPS: readonly Step[] = [
  { name: 'start', api: 'ApiVersions' },
  { name: 'metadata', api: 'Metadata' },
  { name: 'find coordinator', api: 'FindCoordinator', among: 2 },
  { name: 'fence', api: 'InitProducerId' },
  { name: 'fetch-checkpoint', api: 'OffsetFetch' },
  { name: 'inspect', api: 'ListOffsets', among: 4 },
  { name: 'enlist', api: 'AddPartitionsToTxn', among: 3 },
  { name: 'first batch', api: 'Produce' },
  { name: 'mid-streaming', api: 'Produce', after: 1, among: 5 },
  { name: 'drain', api: 'Produce', draining: true },
  { name: 'enlist offsets', api: 'AddOffsetsToTxn', among: 2 },
  { name: 'commit-offsets', api: 'TxnOffsetCommit', among: 2 },
  { name: 'end-transaction', api: 'EndTxn', among: 3 },
  { name: 'read-on', api: 'AddPartitionsToTxn', afterCommit: true },
  { name: 'finish', api: 'ListOffsets', afterCommit: true, among: 2 },
];

/** Before the broker has the request; when it has answered and the runner does not know; when the runner knows. */
const PLACES = ['before', 'unanswered', 'answered'] as const;

interface Blow {
  step: Step;
  place: (typeof PLACES)[number];
  /** Which of the requests that count is met; from 1. */
  nth: number;
}

export const stepKills: Scenario = {
  name: 'step-kills',
  what: 'kill -9 of the runner at every step of the protocol, before the request, unanswered, answered',
  times: { long: 21, short: 1 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    await stage.exhaust(stage.shuffled(blowsFor(stage, times)), async (blows) => {
      stage.proxy.interference = deal(stage, blows);
      await stage.delivered(await stage.createJob(file), file);
    });
  },
};

function blowsFor(stage: Stage, times: number): Blow[] {
  const offset = stage.random(PLACES.length);
  return STEPS.flatMap((step, index) =>
    Array.from({ length: times }, (_, round) => ({
      step,
      place: step.draining ? 'unanswered' : (PLACES[(index + round + offset) % PLACES.length] ?? 'before'),
      nth: 1 + (step.after ?? 0) + stage.random(step.among ?? 1),
    })),
  );
}

/** Each runner gets the first blow that is left; it is gone once it has struck. */
function deal(stage: Stage, blows: Blow[]): Interference {
  let victim: number | undefined;
  let count = 0;
  let committed = false;
  let target: Exchange | undefined;

  const strike = ({ step, place }: Blow, { pid }: Exchange): Verdict => {
    blows.shift();
    target = undefined;
    if (pid !== undefined && signal(pid)) stage.tally.fault(`${step.name} ${place}`);
    return 'cut';
  };
  const isTarget = (exchange: Exchange): boolean => exchange.frame === target?.frame;

  return {
    request(exchange) {
      const [blow] = blows;
      if (blow === undefined || !stage.isRunner(exchange)) return 'pass';
      if (exchange.pid !== victim) {
        victim = exchange.pid;
        count = 0;
        committed = false;
        target = undefined;
      }
      if (exchange.api !== blow.step.api || (blow.step.afterCommit && !committed)) return 'pass';
      count += 1;
      if (count !== blow.nth) return 'pass';
      target = exchange;
      return blow.place === 'before' ? strike(blow, exchange) : 'pass';
    },
    async reply(exchange) {
      if (exchange.api === 'EndTxn' && exchange.pid === victim && exchange.error === 0) committed = true;
      const [blow] = blows;
      if (blow?.place !== 'unanswered' || !isTarget(exchange)) return 'pass';
      if (blow.step.draining) await sleep(BEYOND_FIRST_CUT_MS);
      return strike(blow, exchange);
    },
    delivered(exchange) {
      const [blow] = blows;
      if (blow?.place === 'answered' && isTarget(exchange)) strike(blow, exchange);
    },
  };
}
