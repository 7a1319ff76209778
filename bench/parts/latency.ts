import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../../test/kit/api.js';
import { startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { type Input, SCHEMAS } from '../inputs.js';
import { atMost } from '../report.js';
import { median, quantile } from '../statistics.js';
import { writeTaxiFile } from '../taxi.js';
import { warm } from '../warm.js';

const BYTES = 100_000;
const WARM_UP_JOBS = 5;
/** A person, or a script that has other things to do, is not back before. */
const APART_MS = 500;
/** However slow the small jobs are, no more large ones are started beside them. */
const MAX_LARGE_JOBS = 4;
const LARGE_JOB_TIMEOUT_MS = 600_000;

/** A small job from POST to the look that sees its end: one after the other, apart, and while a large job runs. */
export async function measureLatency(bench: Bench): Promise<void> {
  const { broker, folder, scale, report } = bench;
  const path = join(folder, 'latency.csv');
  writeTaxiFile(path, BYTES);
  const large = bench.input('taxi', scale.largeBytes);
  const service = await startService({ brokers: broker.brokers });
  try {
    const api = new Api(service.url);
    await api.createModel('taxi', SCHEMAS.taxi);
    const small = () => milliseconds(api, readFileSync(path));
    for (let i = 0; i < WARM_UP_JOBS; i++) await small();
    const alone: number[] = [];
    for (let i = 0; i < scale.smallJobs; i++) alone.push(await small());
    const apart: number[] = [];
    for (let i = 0; i < scale.smallJobs; i++) {
      await sleep(APART_MS);
      apart.push(await small());
    }
    const beside = await timesBeside(bench, api, large, small);
    report.table(`A job of ${(statSync(path).size / 1000).toFixed(0)} kB from POST to SUCCESS, polled every 5 ms`, [
      {
        what: `p50 of ${apart.length}, half a second apart`,
        figure: ms(median(apart)),
        aim: atMost(median(apart), 60, 'ms'),
      },
      { what: 'p95, half a second apart', figure: ms(quantile(apart, 0.95)) },
      {
        what: `p50 of ${alone.length}, one after the other`,
        figure: ms(median(alone)),
        aim: atMost(median(alone), 100, 'ms'),
      },
      { what: 'p95, one after the other', figure: ms(quantile(alone, 0.95)) },
      {
        what: `p50 of ${beside.length}, while a job of ${(large.bytes / 1e6).toFixed(0)} MB runs`,
        figure: ms(median(beside)),
      },
      {
        what: 'p95, beside it',
        figure: ms(quantile(beside, 0.95)),
        aim: atMost(quantile(beside, 0.95), 1_000, 'ms'),
      },
    ]);
  } finally {
    await service.stop();
  }
}

/** Times of small jobs, run one after the other, each started while a large job was running. */
async function timesBeside(
  { broker, scale }: Bench,
  api: Api,
  large: Input,
  small: () => Promise<number>,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < MAX_LARGE_JOBS && times.length < scale.smallJobs; i++) {
    await warm(broker.brokers, large);
    const { job_id } = await api.createJob('taxi', large.path);
    await api.until(job_id, ({ state }) => state !== 'PENDING');
    while ((await api.job(job_id)).state === 'RUNNING') times.push(await small());
    const { state } = await api.ended(job_id, LARGE_JOB_TIMEOUT_MS);
    if (state !== 'SUCCESS') throw new Error(`the large job ended ${state}`);
  }
  return times;
}

async function milliseconds(api: Api, csv: Buffer): Promise<number> {
  const started = performance.now();
  const { job_id } = await api.createJob('taxi', csv);
  const job = await api.ended(job_id);
  if (job.state !== 'SUCCESS') throw new Error(`the job ended ${JSON.stringify(job)}`);
  return performance.now() - started;
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
