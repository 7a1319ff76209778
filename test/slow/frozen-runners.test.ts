import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture } from '../formats/parquet/read-file.js';
import { Api } from '../kit/api.js';
import { makeJsonOrders } from '../kit/json-orders.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { isAlive } from '../kit/runners.js';
import { type Service, startService } from '../kit/service.js';
import { readTopic } from '../kit/topic.js';

const ROWS = 200;
const FORMATS = ['csv', 'json', 'ndjson', 'parquet'] as const;

let stage: ProxiedBroker;
let service: Service | undefined;

beforeAll(async () => {
  stage = await startProxiedBroker();
});

afterEach(async () => {
  await service?.stop();
  stage.proxy.interference = {};
});

afterAll(() => stage.stop());

/** One runner for each job of a test. */
async function start(runners: number, env: Record<string, string> = {}): Promise<{ api: Api; log(): string }> {
  service = await startService({ brokers: stage.proxy.address, env: { JOB_CONCURRENCY: `${runners}`, ...env } });
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  await api.createModel('any', { type: 'object' });
  return { api, log: service.log };
}

it('replaces a frozen runner, whatever its format, and its job loses no row', async () => {
  const { api, log } = await start(FORMATS.length);
  const frozen = new Map<string, number>();
  stage.proxy.interference = {
    request({ api: request, transactionalId, pid }) {
      if (request === 'AddPartitionsToTxn' && transactionalId !== null && pid !== undefined) {
        if (!frozen.has(transactionalId)) {
          frozen.set(transactionalId, pid);
          process.kill(pid, 'SIGSTOP');
        }
      }
      return 'pass';
    },
  };
  const files = {
    csv: makeOrders(ROWS),
    json: makeJsonOrders('json', ROWS),
    ndjson: makeJsonOrders('ndjson', ROWS),
    parquet: { csv: readFileSync(fixture('row-groups.parquet')) },
  };
  const jobs = new Map<string, string>();
  for (const format of FORMATS) {
    const { job_id } = await api.createJob(format === 'parquet' ? 'any' : 'orders', files[format].csv);
    jobs.set(format, job_id);
  }
  for (const format of FORMATS) {
    const job = await api.ended(jobs.get(format)!, 150_000);
    expect(job).toMatchObject({ format, state: 'SUCCESS', error: null });
    if (format === 'parquet') expect(await readTopic(stage.broker.brokers, job.topics.data)).toHaveLength(2_000);
    else await expectDelivered(stage.broker.brokers, job, files[format]);
  }
  expect(frozen.size).toBe(FORMATS.length);
  for (const pid of frozen.values()) expect(isAlive(pid)).toBe(false);
  expect(log().match(/killed: no sign of life for 60 s/g)).toHaveLength(FORMATS.length);
});

it('replaces a runner that never comes up, one that ignores its job, and one that stops reading', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch-hanging-'));
  const places = ['at-start', 'at-assignment', 'at-read'];
  for (const place of places) writeFileSync(join(folder, place), '');
  try {
    const { api, log } = await start(places.length, {
      BROKEN_RUNNERS: folder,
      NODE_OPTIONS: `--require=${resolve('test/kit/broken-runner.cjs')}`,
      KAFKA_UNAVAILABLE_AFTER_MS: '5000',
      JOB_MAX_ATTEMPTS: '1',
    });
    const orders = makeOrders(ROWS);
    const jobs = [];
    for (const _ of places) jobs.push(await api.createJob('orders', orders.csv));
    for (const { job_id } of jobs) {
      const job = await api.ended(job_id, 150_000);
      expect(job).toMatchObject({ state: 'SUCCESS', error: null });
      await expectDelivered(stage.broker.brokers, job, orders);
    }
    // The runner that did not come up is missed by no job here.
    const replaced = () =>
      [/"a runner could not start"/, /no sign of life for 60 s/, /no progress for 65 s/].map((what) =>
        what.test(log()),
      );
    for (const deadline = Date.now() + 60_000; replaced().includes(false) && Date.now() < deadline; ) await sleep(100);
    expect(replaced()).toEqual([true, true, true]);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
