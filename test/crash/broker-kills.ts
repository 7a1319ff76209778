import { setTimeout as sleep } from 'node:timers/promises';
import { deliveredOrClosed } from './outcome.js';
import type { RowFile } from './rows.js';
import { type Scenario, type Stage, until } from './stage.js';

const ROWS = 400_000;
const MEET_MS = 60_000;
const MAX_LIFE_MS = 2_500;
/** Instead of five minutes: a job whose transaction the broker cannot finish any more fails after this time. */
const UNAVAILABLE_AFTER_MS = 90_000;

/**
 * The only broker there is, killed and started again. When that happens between its deciding a commit and its writing
 * the markers, it may lose them; then the job has to fail, and what can be read has to be a prefix of each topic.
 */
export const brokerKills: Scenario = {
  name: 'broker-kills',
  what: 'kill -9 of the only broker: at random moments, and at the answer to a commit',
  times: { long: 10, short: 0 },
  async run(stage, times) {
    await stage.enter({ KAFKA_UNAVAILABLE_AFTER_MS: String(UNAVAILABLE_AFTER_MS), JOB_MAX_ATTEMPTS: '1' });
    const file = stage.file(ROWS);
    for (let round = 0; round < times; round++) {
      await killBroker(stage, file, round % 2 === 0 ? 'random' : 'at a commit');
    }
  },
};

async function killBroker(stage: Stage, file: RowFile, moment: 'random' | 'at a commit'): Promise<void> {
  let killed: Promise<void> | undefined;
  const kill = (): void => {
    killed ??= stage.broker.kill('SIGKILL');
  };
  let count = 0;
  const nth = 1 + stage.random(3);
  stage.proxy.interference = {
    reply: (exchange) => {
      if (moment === 'at a commit' && exchange.api === 'EndTxn' && stage.isRunner(exchange)) {
        count += 1;
        if (count === nth) kill();
      }
      return 'pass';
    },
  };
  const jobId = await stage.createJob(file);
  if (moment === 'random') {
    await stage.api.until(jobId, ({ state }) => state !== 'PENDING');
    await stage.pause(MAX_LIFE_MS);
    kill();
  } else {
    await until('a commit', MEET_MS, () => killed);
  }
  await killed;
  stage.tally.fault(moment);
  await sleep(stage.random(2_000));
  await stage.broker.restart();
  await deliveredOrClosed(stage, jobId, file);
}
