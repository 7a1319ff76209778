import { setTimeout as sleep } from 'node:timers/promises';
import type { Answered, Exchange, Interference, Verdict } from '../kit/kafka-proxy.js';
import { type Scenario, type Stage, signal, until } from './stage.js';

const ROWS = 80_000;
const ANSWER_MS = 5_000;
const SUCCESSOR_MS = 60_000;

const APIS = ['Produce', 'EndTxn', 'TxnOffsetCommit', 'AddPartitionsToTxn', 'AddOffsetsToTxn'] as const;

/** When the dead runner's request reaches the broker: at which answer to its successor, which waits meanwhile. */
const MOMENTS = [
  { name: 'as the successor fences', api: 'InitProducerId', fenced: false },
  { name: 'after the fence', api: 'InitProducerId', fenced: true },
  { name: 'after the first batch', api: 'Produce', fenced: true },
  { name: 'after the commit', api: 'EndTxn', fenced: true },
] as const;

interface Plan {
  api: (typeof APIS)[number];
  moment: (typeof MOMENTS)[number];
  nth: number;
}

/** What a killed runner had sent arrives when its successor is at work. */
export const lateBytes: Scenario = {
  name: 'late-bytes',
  what: 'a request of a killed runner is delivered after its successor has begun',
  times: { long: 5, short: 1 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    const all = MOMENTS.flatMap((moment) => APIS.map((api) => ({ api, moment })));
    const plans: Plan[] = [];
    for (let round = 0; round < times; round++) {
      for (const each of all) plans.push({ ...each, nth: 1 + stage.random(each.api === 'Produce' ? 4 : 2) });
    }
    // The short programme takes one of each moment.
    const chosen =
      times > 1 ? plans : MOMENTS.map((moment) => stage.pick(plans.filter((plan) => plan.moment === moment)));
    for (const plan of chosen) await carryOut(stage, plan, file);
  },
};

async function carryOut(stage: Stage, plan: Plan, file: ReturnType<Stage['file']>): Promise<void> {
  const struck = stage.tally.faultCount;
  // The job may be through before the request that was chosen.
  for (let attempt = 0; attempt < 5 && stage.tally.faultCount === struck; attempt++) {
    const late = holdBack(stage, { ...plan, nth: Math.max(1, plan.nth - attempt) });
    stage.proxy.interference = late.interference;
    await stage.delivered(await stage.createJob(file), file);
    late.release();
  }
}

function holdBack(stage: Stage, plan: Plan): { interference: Interference; release(): void } {
  const due = Promise.withResolvers<void>();
  let count = 0;
  let victim: number | undefined;
  let held: Exchange | undefined;
  let answered: Answered | undefined;
  let done = false;

  /** Lets it go, and waits until the broker has answered it. */
  const deliver = async (): Promise<void> => {
    done = true;
    due.resolve();
    await until('the answer to the late request', ANSWER_MS, () => answered).then(
      ({ error }) => {
        const { name, fenced } = plan.moment;
        const refused = error !== 0 ? 'refused' : 'taken';
        stage.tally.event(`${refused} ${name}`);
        if (fenced && error === 0) stage.tally.fail(`the broker took a late ${plan.api} ${name}`);
      },
      // The broker closes the connection of a client it has no answer for.
      () => stage.tally.event('not answered'),
    );
  };

  return {
    release: due.resolve,
    interference: {
      async request(exchange): Promise<Verdict> {
        if (!stage.isRunner(exchange)) return 'pass';
        if (held !== undefined) {
          const racing = !done && !plan.moment.fenced && exchange.api === plan.moment.api && exchange.pid !== victim;
          if (racing) await Promise.race([deliver(), sleep(stage.random(20))]);
          return 'pass';
        }
        if (exchange.api !== plan.api) return 'pass';
        count += 1;
        if (count !== plan.nth) return 'pass';
        held = exchange;
        victim = exchange.pid;
        if (victim !== undefined && signal(victim)) stage.tally.fault(`late ${plan.api}`);
        await Promise.race([due.promise, sleep(SUCCESSOR_MS)]);
        return 'pass';
      },
      async reply(exchange): Promise<Verdict> {
        if (exchange.frame === held?.frame) {
          answered = exchange;
          return 'pass';
        }
        const { moment } = plan;
        const isDue = held !== undefined && !done && exchange.api === moment.api && exchange.pid !== victim;
        if (isDue && moment.fenced && exchange.error === 0 && stage.isRunner(exchange)) await deliver();
        return 'pass';
      },
    },
  };
}
