import { readFileSync } from 'node:fs';
import type { Job } from '../../src/jobs/domain/job.js';
import type { JobSink } from '../../src/jobs/domain/job-sink.js';
import { Api } from '../kit/api.js';
import { type ClickHouseServer, startClickHouse } from '../kit/clickhouse.js';
import { deleteTopics } from '../kit/delete-topics.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { runnerOf } from '../kit/runners.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';
import { runSnippets } from '../kit/snippets.js';
import { withClickHouse } from '../kit/with-clickhouse.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const ALL = { sinks: 'clickhouse,postgres' };

let clickhouse: ClickHouseServer;
let postgres: PostgresServer;
let service: Service;
let api: Api;
let clickhouseUrl: string;
let postgresUrl: string;

beforeAll(async () => {
  [clickhouse, postgres] = await Promise.all([startClickHouse(), startPostgres()]);
  [clickhouseUrl, postgresUrl] = await Promise.all([clickhouse.createDatabase(), postgres.createDatabase()]);
  service = await startService({
    brokers,
    env: { ...ONE_PROCESS, CLICKHOUSE_URL: clickhouseUrl, POSTGRES_SINK_URL: postgresUrl, LOG_LEVEL: 'debug' },
  });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  await api.createModel('days', { id: 'Int32', day: 'Date' });
}, 400_000);

afterAll(async () => {
  await service.stop();
  await Promise.all([clickhouse.stop(), postgres.stop()]);
});

const sinkOf = (job: Job, name: string): JobSink => {
  const sink = job.sinks.find((each) => each.name === name);
  if (sink === undefined) throw new Error(`the job has no sink ${name}`);
  return sink;
};
const states = (job: Job): string[] => job.sinks.map(({ state }) => state);
const loaded = (jobId: string, timeoutMs = 60_000): Promise<Job> =>
  api.until(jobId, (job) => states(job).every((state) => state === 'LOADED'), timeoutMs);
const inClickHouse = <T>(sql: string): Promise<T[]> => clickhouse.query<T>(sql, clickhouseUrl);
const inPostgres = (sql: string): Promise<Record<string, unknown>[]> => postgres.query(sql, postgresUrl);

async function call(
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const init =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${service.url}${path}`, { method, ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** The pid of the process of a sink. */
function pidOf(name: string): number {
  for (const pid of children(service.pid)) {
    if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`sinks/main.js\0${name}`)) return pid;
  }
  throw new Error(`the sink ${name} has no process`);
}

function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** What came into both sinks is what the file holds, row by row. */
async function expectLoaded(job: Job, rows: number, rejected: readonly number[] = []): Promise<void> {
  const expected = Array.from({ length: rows }, (_, index) => index + 1).filter((row) => !rejected.includes(row));
  const ids = await inClickHouse<{ id: string; _row: string }>(
    `SELECT id, _row FROM data_orders WHERE _job = '${job.job_id}' ORDER BY _offset`,
  );
  expect(ids.map(({ id, _row }) => [Number(id), Number(_row)])).toEqual(expected.map((row) => [row, row]));
  const links = await inPostgres(
    `SELECT ingested_rows.row_number::int AS row, (data->>'id')::int AS id FROM ingested_rows JOIN ingested_data USING (content_hash)
    WHERE job_id = '${job.job_id}' ORDER BY 1`,
  );
  expect(links.map(({ row, id }) => [row, id])).toEqual(expected.map((row) => [row, row]));
}

withClickHouse('a job with sinks', () => {
  it('has its rows in both, and its rejected rows, too', async () => {
    const orders = makeOrders(3000, 7);
    const { job_id } = await api.createJob('orders', orders.csv, {}, ALL);
    const job = await loaded(job_id);
    expect(job.state).toBe('PARTIAL_SUCCESS');
    expect(job.sinks).toMatchObject([
      { name: 'clickhouse', rows: orders.accepted.length, rejected: 0, lag: 0, table: 'data_orders', error: null },
      { name: 'postgres', rows: orders.accepted.length, rejected: 0, lag: 0, table: 'ingested_data', error: null },
    ]);
    await expectLoaded(job, 3000, orders.rejected);
    const numbers = await inClickHouse<{ row_number: string }>(
      `SELECT row_number FROM rejected_rows WHERE job_id = '${job_id}' ORDER BY row_number`,
    );
    expect(numbers.map(({ row_number: row }) => Number(row))).toEqual(orders.rejected);
    const errors = await inPostgres(
      `SELECT row_number::int AS row FROM validation_errors WHERE job_id = '${job_id}' ORDER BY 1`,
    );
    expect(errors.map(({ row }) => row)).toEqual(orders.rejected);
  });

  it.each([
    ['json', { value_format: 'json' }],
    ['zstd', { compression: 'zstd' }],
  ])('reads its topics, whatever is in them: %s', async (_, options) => {
    const { job_id } = await api.createJob('orders', makeOrders(500).csv, {}, { ...ALL, ...options });
    await expectLoaded(await loaded(job_id), 500);
  });

  it('reads rows of JSON, which name their own columns', async () => {
    const lines = Array.from({ length: 300 }, (_, index) => ({
      id: index + 1,
      sku: `s"${index}`,
      qty: 2,
      price: 1.25,
      extra: [index],
    }));
    const { job_id } = await api.createJob(
      'orders',
      Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n')),
      {},
      ALL,
    );
    await expectLoaded(await loaded(job_id), 300);
    expect(await inClickHouse(`SELECT _extra FROM data_orders WHERE _job = '${job_id}' AND id = 8`)).toEqual([
      { _extra: '{"extra":[7]}' },
    ]);
  });

  it('loads the rejected rows if all were rejected', async () => {
    const { job_id } = await api.createJob('orders', Buffer.from('id,sku,qty,price\nx,a,1,1\n'), {}, ALL);
    const job = await loaded(job_id);
    expect([job.state, job.error?.code]).toEqual(['FAILED', 'ALL_ROWS_REJECTED']);
    expect(await inClickHouse(`SELECT error FROM rejected_rows WHERE job_id = '${job_id}'`)).toEqual([
      { error: 'NOT_AN_INTEGER' },
    ]);
  });

  it('shows what a sink has rejected, and goes on', async () => {
    const file = 'id,day\n1,2026-01-01\n2,9999-12-31\n3,nonsense\n4,2026-01-04\n';
    const { job_id } = await api.createJob('days', Buffer.from(file), {}, ALL);
    const job = await loaded(job_id);
    expect([sinkOf(job, 'clickhouse').rows, sinkOf(job, 'clickhouse').rejected]).toEqual([2, 1]);
    expect(sinkOf(job, 'postgres').rows).toBe(3);
    const rejected = (await (await fetch(`${service.url}/jobs/${job_id}/rejected`)).json()) as Record<
      string,
      unknown
    >[];
    expect(rejected).toMatchObject([
      { row_number: 3, error: 'INVALID_DATE' },
      { row_number: 2, error: 'OUT_OF_RANGE', stage: 'sink:clickhouse', raw_data: '{"id":2,"day":"9999-12-31"}' },
    ]);
    const [page, link] = await fetch(`${service.url}/jobs/${job_id}/rejected?limit=1`).then(async (answer) => [
      await answer.json(),
      answer.headers.get('link'),
    ]);
    expect(page).toMatchObject([{ row_number: 3 }]);
    const next = await fetch(`${service.url}${/<([^>]+)>/.exec(link as string)?.[1]}`);
    expect(await next.json()).toMatchObject([{ row_number: 2 }]);
    // Those of the sink are still there when those of the topic are not.
    await deleteTopics(brokers, [job.topics.dlq]);
    const left = await fetch(`${service.url}/jobs/${job_id}/rejected`);
    expect(await left.json()).toMatchObject([{ row_number: 2, stage: 'sink:clickhouse' }]);
  });

  it('gives a sink up that rejects too many rows, and no other', async () => {
    const rows = Array.from({ length: 20 }, (_, index) => `${index},9999-12-31`).join('\n');
    const { job_id } = await api.createJob(
      'days',
      Buffer.from(`id,day\n${rows}\n`),
      {},
      { ...ALL, max_sink_errors: '5' },
    );
    const job = await api.until(job_id, ({ sinks }) =>
      sinks.every(({ state }) => state === 'LOADED' || state === 'FAILED'),
    );
    expect(sinkOf(job, 'clickhouse')).toMatchObject({ state: 'FAILED', error: { code: 'SINK_TOO_MANY_ERRORS' } });
    expect(sinkOf(job, 'postgres')).toMatchObject({ state: 'LOADED', rows: 20 });
  });

  it('has those of its model unless it names its own', async () => {
    expect((await call('PUT', '/models/days', { schema: { id: 'Int32' }, sinks: ['postgres'] })).status).toBe(200);
    const csv = Buffer.from('id\n1\n2\n');
    const [fed, unfed] = [await api.createJob('days', csv), await api.createJob('days', csv, {}, { sinks: 'none' })];
    expect((await loaded(fed.job_id)).sinks).toMatchObject([{ name: 'postgres', rows: 2 }]);
    expect(unfed.sinks).toEqual([]);
    await call('PUT', '/models/days', { schema: { id: 'Int32', day: 'Date' }, sinks: null });
  });

  it('that is not configured is refused', async () => {
    const response = await api.upload('orders', Buffer.from('id\n1\n'), {}, { sinks: 'oracle' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: 'INVALID_OPTION',
      message: expect.stringContaining('clickhouse, postgres'),
    });
  });
});

withClickHouse('the guide', () => {
  it('runs as it is written', () =>
    runSnippets('docs/guides/sinks.md', {
      brokers,
      service,
      databases: { clickhouse: inClickHouse, postgres: inPostgres },
    }));
});

withClickHouse('sinks of a job that has ended', () => {
  it('can be added, and the same file brings no row twice to PostgreSQL', async () => {
    const { csv } = makeOrders(200, 0);
    const [first, second] = [await api.createJob('orders', csv), await api.createJob('orders', csv)];
    await Promise.all([api.ended(first.job_id), api.ended(second.job_id)]);
    const before = await inPostgres('SELECT count(*)::int AS n FROM ingested_data');
    for (const { job_id } of [first, second]) {
      expect((await call('POST', `/jobs/${job_id}/sinks`, { sinks: ['clickhouse', 'postgres'] })).status).toBe(202);
      await expectLoaded(await loaded(job_id), 200);
    }
    expect(await inPostgres('SELECT count(*)::int AS n FROM ingested_data')).toEqual(before);
    expect(await call('POST', `/jobs/${first.job_id}/sinks`, { sinks: ['postgres'] })).toMatchObject({
      status: 409,
      body: { error: 'SINK_STATE_CONFLICT' },
    });
  });

  it('give the rows back, and take them again', async () => {
    const { job_id } = await api.createJob('orders', makeOrders(400, 9).csv, {}, ALL);
    await loaded(job_id);
    for (const name of ['clickhouse', 'postgres']) {
      expect((await call('DELETE', `/jobs/${job_id}/sinks/${name}/rows`)).status).toBe(202);
    }
    const removed = await api.until(job_id, (job) => states(job).every((state) => state === 'REMOVED'));
    expect(removed.sinks).toMatchObject([{ rows: 0 }, { rows: 0 }]);
    const left = async (): Promise<unknown[]> => [
      await inClickHouse(`SELECT count() AS n FROM data_orders WHERE _job = '${job_id}'`),
      await inClickHouse(`SELECT count() AS n FROM rejected_rows WHERE job_id = '${job_id}'`),
      await inPostgres(`SELECT count(*)::int AS n FROM ingested_rows WHERE job_id = '${job_id}'`),
      await inPostgres(`SELECT count(*)::int AS n FROM validation_errors WHERE job_id = '${job_id}'`),
    ];
    expect(await left()).toEqual([[{ n: '0' }], [{ n: '0' }], [{ n: 0 }], [{ n: 0 }]]);
    expect((await call('POST', `/jobs/${job_id}/sinks`, { sinks: ['clickhouse', 'postgres'] })).status).toBe(202);
    await expectLoaded(await loaded(job_id), 400, makeOrders(400, 9).rejected);
  });

  it('are not forgotten by a purge, unless it is forced', async () => {
    await clickhouse.fault({ kind: 'down', times: 1_000_000 });
    const { job_id } = await api.createJob('orders', makeOrders(10).csv, {}, { sinks: 'clickhouse' });
    const job = await api.until(job_id, ({ sinks }) => sinks[0]?.state === 'RETRYING');
    expect(sinkOf(job, 'clickhouse').error).toMatchObject({ code: 'SINK_UNAVAILABLE' });
    expect(await call('DELETE', `/jobs/${job_id}?purge=true`)).toMatchObject({
      status: 409,
      body: { error: 'JOB_STATE_CONFLICT' },
    });
    expect((await call('DELETE', `/jobs/${job_id}?purge=true&force=true`)).status).toBe(202);
    await clickhouse.heal();
  });
});

withClickHouse('a sink that is away', () => {
  it('gets the rows when it is back, and the other one does not wait', async () => {
    await clickhouse.kill();
    const orders = makeOrders(1000, 11);
    const { job_id } = await api.createJob('orders', orders.csv, {}, ALL);
    const job = await api.until(
      job_id,
      (each) => sinkOf(each, 'postgres').state === 'LOADED' && sinkOf(each, 'clickhouse').state === 'RETRYING',
    );
    expect(job.state).toBe('PARTIAL_SUCCESS');
    const ready = (await (await fetch(`${service.url}/readyz`)).json()) as { details: Record<string, unknown> };
    expect(ready.details['sink_clickhouse']).toMatchObject({ status: 'degraded' });
    await clickhouse.restart();
    await call('POST', `/jobs/${job_id}/sinks/clickhouse/retry`);
    await expectLoaded(await loaded(job_id), 1000, orders.rejected);
  });

  it('goes on from where it is after its process was killed', async () => {
    const orders = makeOrders(200_000, 5000);
    const { job_id } = await api.createJob('orders', orders.csv, {}, ALL);
    await api.until(job_id, (job) => job.sinks.every(({ rows }) => rows > 0));
    process.kill(pidOf('clickhouse'), 'SIGKILL');
    process.kill(pidOf('postgres'), 'SIGKILL');
    const job = await loaded(job_id, 120_000);
    const [{ n, last }] = (await inClickHouse<{ n: string; last: string }>(
      `SELECT count() AS n, uniqExact(id) AS last FROM data_orders WHERE _job = '${job_id}'`,
    )) as [{ n: string; last: string }];
    expect([Number(n), Number(last)]).toEqual([orders.accepted.length, orders.accepted.length]);
    expect(job.sinks.map(({ rows }) => rows)).toEqual([orders.accepted.length, orders.accepted.length]);
    expect(await inPostgres(`SELECT count(*)::int AS n FROM ingested_rows WHERE job_id = '${job_id}'`)).toEqual([
      { n: orders.accepted.length },
    ]);
  }, 180_000);

  it('goes on after the service was killed', async () => {
    const orders = makeOrders(150_000);
    const { job_id } = await api.createJob('orders', orders.csv, {}, ALL);
    await api.until(job_id, (job) => job.sinks.some(({ rows }) => rows > 0));
    const { dataDir } = service;
    await service.kill();
    service = await startService({
      brokers,
      dataDir,
      env: { ...ONE_PROCESS, CLICKHOUSE_URL: clickhouseUrl, POSTGRES_SINK_URL: postgresUrl },
    });
    api = new Api(service.url);
    await expectCounted(await loaded(job_id, 120_000), 150_000);
  }, 180_000);

  async function expectCounted({ job_id }: Job, rows: number): Promise<void> {
    expect(
      await inClickHouse(`SELECT count() AS n, uniqExact(_row) AS u FROM data_orders WHERE _job = '${job_id}'`),
    ).toEqual([{ n: String(rows), u: String(rows) }]);
    expect(await inPostgres(`SELECT count(*)::int AS n FROM ingested_rows WHERE job_id = '${job_id}'`)).toEqual([
      { n: rows },
    ]);
  }
});

withClickHouse('sinks while a job runs', () => {
  it('have its whole blocks before it has ended, and the rest then', async () => {
    // Few rows, but more bytes than the slow reader reads within one transaction.
    const rows = 200_000;
    const sku = 'x'.repeat(300);
    const lines = Array.from({ length: rows }, (_, index) => `${index + 1},${sku},1,1,\n`);
    const { job_id } = await api.createJob(
      'orders',
      Buffer.from(`id,sku,qty,price,paid\n${lines.join('')}`),
      {},
      { ...ALL, sink_when: 'streaming', csv_reader: 'reference' },
    );
    // What reads the file stands still once it has committed more than a block.
    await api.until(job_id, ({ totals }) => totals.ok >= 60_000);
    const runner = runnerOf(service, job_id);
    if (runner === undefined) throw new Error('no process delivers the job');
    process.kill(runner, 'SIGSTOP');
    try {
      const running = await api.until(job_id, ({ sinks }) => sinks.some((sink) => sink.rows > 0));
      expect(running.state).toBe('RUNNING');
    } finally {
      process.kill(runner, 'SIGCONT');
    }
    const job = await loaded(job_id, 120_000);
    expect(job.sinks.map((sink) => sink.rows)).toEqual([rows, rows]);
  }, 180_000);
});

withClickHouse('the sinks of the service', () => {
  it('are listed with what waits for them', async () => {
    expect(await call('GET', '/sinks')).toMatchObject({
      status: 200,
      body: [
        { name: 'clickhouse', loading: 0 },
        { name: 'postgres', loading: 0 },
      ],
    });
  });
});
