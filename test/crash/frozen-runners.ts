import { isAlive } from '../kit/runners.js';
import { type Scenario, type Stage, signal, until } from './stage.js';

const ROWS = 200_000;
const MEET_MS = 60_000;
const LEAVE_MS = 30_000;

/** At the answer to which request the runner is stopped: it reads it when it wakes, and would go on from there. */
const POINTS = ['AddPartitionsToTxn', 'Produce', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'] as const;

/** When it wakes: its successor has fenced, has committed, or has finished the job. */
const AWAKENINGS = ['InitProducerId', 'EndTxn', 'finish'] as const;

/** The API dies with the runner frozen, so that nobody ends it; its successor works for the next API. */
export const frozenRunners: Scenario = {
  name: 'frozen-runners',
  what: 'SIGSTOP, a successor under a new API process, SIGCONT',
  times: { long: 20, short: 1 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    for (let round = 0; round < times; round++) await freeze(stage, file, round);
  },
};

async function freeze(stage: Stage, file: ReturnType<Stage['file']>, round: number): Promise<void> {
  const point = POINTS[round % POINTS.length];
  const awakening = stage.pick(AWAKENINGS);
  const nth = 1 + stage.random(point === 'Produce' ? 4 : 2);
  let count = 0;
  let frozen: number | undefined;
  let isDue = false;
  let isAwake = false;
  stage.proxy.interference = {
    reply(exchange) {
      if (frozen === undefined && exchange.api === point && stage.isRunner(exchange)) {
        count += 1;
        if (count === nth && exchange.pid !== undefined && signal(exchange.pid, 'SIGSTOP')) frozen = exchange.pid;
      } else if (isAwake && exchange.pid === frozen) {
        // It got as far as asking the broker; what it asked must have been refused.
        stage.tally.event(`${exchange.api} ${exchange.error === 0 ? 'taken' : 'refused'} after waking`);
        if (exchange.error === 0) stage.tally.fail(`the broker took ${exchange.api} of a runner that was replaced`);
      } else if (frozen !== undefined && exchange.api === awakening && exchange.error === 0) {
        // The API has its own producer, which fences nobody.
        isDue ||= exchange.pid !== frozen && stage.isRunner(exchange);
      }
      return 'pass';
    },
  };
  const jobId = await stage.createJob(file);
  const pid = await until(`${point} of a runner`, MEET_MS, () => frozen);
  try {
    // Its output does not end as long as the frozen runner has it too: the process alone is waited for.
    const api = stage.service.pid;
    signal(api);
    await until('the end of the API', LEAVE_MS, () => !isAlive(api) || undefined);
    await stage.restart();
    if (awakening === 'finish') await stage.api.ended(jobId);
    else await until(`${awakening} of the successor`, MEET_MS, () => isDue || undefined);
    stage.tally.fault(`frozen at ${point}, awake after ${awakening}`);
  } finally {
    isAwake = true;
    signal(pid, 'SIGCONT');
  }
  await until('the end of the frozen runner', LEAVE_MS, () => !isAlive(pid) || undefined).catch((error: unknown) => {
    signal(pid);
    throw error;
  });
  await stage.delivered(jobId, file);
}
