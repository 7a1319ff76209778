import { setTimeout as sleep } from 'node:timers/promises';
import type { Interference } from '../kit/kafka-proxy.js';
import { type Scenario, type Stage } from './stage.js';

const ROWS = 100_000;
const MAX_DELAY_MS = 1_500;

const APIS = [
  'Produce',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'InitProducerId',
  'OffsetFetch',
];
/** Sent once by every session, the others again and again. */
const ONCE = new Set(['InitProducerId', 'OffsetFetch']);

interface Loss {
  api: string;
  how: 'dropped' | 'delayed';
  nth: number;
}

/** The broker has done what it was asked, and the runner does not get to know, or late. */
export const lostReplies: Scenario = {
  name: 'lost-replies',
  what: 'the reply is dropped and the connection with it, or delayed by up to 1.5 s',
  times: { long: 16, short: 1 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    const losses = APIS.flatMap((api, index) =>
      Array.from({ length: times }, (_, round): Loss => {
        const how = (index + round) % 2 === 0 ? 'dropped' : 'delayed';
        return { api, how, nth: 1 + stage.random(ONCE.has(api) ? 1 : 2) };
      }),
    );
    await stage.exhaust(stage.shuffled(losses), async (left) => {
      stage.proxy.interference = interfere(stage, left);
      await stage.delivered(await stage.createJob(file), file);
    });
  },
};

/** One after the other: the next begins to count where the last has happened. */
function interfere(stage: Stage, losses: Loss[]): Interference {
  let count = 0;
  return {
    async reply(exchange) {
      const [loss] = losses;
      if (loss === undefined || exchange.api !== loss.api || !stage.isRunner(exchange)) return 'pass';
      count += 1;
      if (count < loss.nth) return 'pass';
      count = 0;
      losses.shift();
      stage.tally.fault(`${loss.api} ${loss.how}`);
      if (loss.how === 'dropped') return 'cut';
      await sleep(20 + stage.random(MAX_DELAY_MS));
      return 'pass';
    },
  };
}

/** kafkajs gives a request 30 s. */
const SILENT_ROWS = 150_000;

/** Nothing tells the runner that the reply is lost: only its own patience ends. */
export const silence: Scenario = {
  name: 'silence',
  what: 'the reply is swallowed and the connection stays open; jobs side by side',
  times: { long: 1, short: 0 },
  async run(stage, times) {
    await stage.enter({ JOB_CONCURRENCY: String(APIS.length) });
    const file = stage.file(SILENT_ROWS);
    for (let round = 0; round < times; round++) {
      const left = new Set<string>(APIS);
      const victims = new Set<number>();
      stage.proxy.interference = {
        reply({ api, pid, ...rest }) {
          const isNext = left.has(api) && pid !== undefined && !victims.has(pid);
          if (!isNext || !stage.isRunner({ api, pid, ...rest })) return 'pass';
          left.delete(api);
          victims.add(pid);
          stage.tally.fault(`${api} swallowed`);
          return 'drop';
        },
      };
      const jobs = await Promise.all(APIS.map(() => stage.createJob(file)));
      for (const jobId of jobs) await stage.delivered(jobId, file);
      if (left.size > 0) stage.tally.fail(`met no ${[...left].join(', ')}`);
    }
  },
};
