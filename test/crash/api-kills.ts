import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../src/jobs/domain/job.js';
import { makesJobTopics } from '../kit/kafka-frames.js';
import type { RowFile } from './rows.js';
import { MODEL, type Scenario, type Stage } from './stage.js';

const ROWS = 20_000;
const UPLOAD_MS = 40;
const AFTERWARDS_MS = 100;

const MOMENTS = ['during the upload', 'before its topics', 'after its topics', 'at the 202', 'after the 202'] as const;

/** A client that gets no answer tries again with the same Idempotency-Key. */
export const apiKills: Scenario = {
  name: 'api-kills',
  what: 'kill -9 of the API around the 202; the client tries again with its Idempotency-Key',
  times: { long: 30, short: 2 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    const offset = stage.random(MOMENTS.length);
    for (let round = 0; round < times; round++) {
      await killAround(stage, file, MOMENTS[(round + offset) % MOMENTS.length] ?? 'at the 202', `crash-${round}`);
      const { length } = (await (await fetch(`${stage.api.url}/jobs?limit=1000`)).json()) as Job[];
      if (length !== round + 1) stage.tally.fail(`${length} jobs after ${round + 1} uploads`);
    }
  },
};

async function killAround(stage: Stage, file: RowFile, moment: (typeof MOMENTS)[number], key: string): Promise<void> {
  const { service } = stage;
  let killed: Promise<void> | undefined;
  const kill = (): void => {
    if (killed !== undefined) return;
    stage.tally.fault(moment);
    killed = service.kill('SIGKILL');
  };
  stage.proxy.interference = {
    request: (exchange) => {
      if (moment !== 'before its topics' || !makesJobTopics(exchange) || exchange.pid !== service.pid) return 'pass';
      kill();
      return 'cut';
    },
    reply: (exchange) => {
      if (moment !== 'after its topics' || !makesJobTopics(exchange) || exchange.pid !== service.pid) return 'pass';
      kill();
      return 'cut';
    },
  };
  const upload = (): Promise<Response> => stage.api.upload(MODEL, file.path, { 'idempotency-key': key });
  if (moment === 'during the upload') void sleep(stage.random(UPLOAD_MS)).then(kill);
  const first = await upload().then(
    async (response) => {
      if (moment === 'after the 202') await stage.pause(AFTERWARDS_MS);
      kill();
      return response.status;
    },
    () => 'no answer',
  );
  kill();
  await killed;
  await stage.restart();
  const again = await upload();
  stage.tally.event(`${first}, then ${again.status}`);
  await stage.delivered(((await again.json()) as Job).job_id, file);
}
