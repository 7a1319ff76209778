import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { Api } from '../../test/kit/api.js';
import { type ClickHouseServer, startClickHouse } from '../../test/kit/clickhouse.js';
import { type PostgresServer, startPostgres } from '../../test/kit/postgres.js';
import { sinkProcessOf } from '../../test/kit/runners.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { job } from '../contenders/job.js';
import { type Input, SCHEMAS } from '../inputs.js';
import { atLeast, atMost, type Row } from '../report.js';
import { inTurn, interleave, mbPerSecond, medianOf, medianRatio } from '../runs.js';
import { median } from '../statistics.js';

const LOADED_MS = 900_000;
/** Looking more often takes some of the processor's time. */
const LOOK_EVERY_MS = 50;
const BLOCK_ROWS = 65_536;
const AIM = 0.5;
const AIM_MEMORY_MB = 200;

type SinkName = 'clickhouse' | 'postgres';

interface Stand {
  bench: Bench;
  service: Service;
  api: Api;
  clickhouse: ClickHouseServer;
  postgres: PostgresServer;
  urls: Record<SinkName, string>;
}

/** Loads from the topics of a job, against the database's own way with the same rows, and delivery beside them. */
export async function measureSinks(bench: Bench): Promise<void> {
  const [clickhouse, postgres] = await Promise.all([startClickHouse(), startPostgres()]);
  const urls = { clickhouse: await clickhouse.createDatabase(), postgres: await postgres.createDatabase() };
  const env = { CLICKHOUSE_URL: urls.clickhouse, POSTGRES_SINK_URL: urls.postgres };
  const service = await startService({ brokers: bench.broker.brokers, env });
  const api = new Api(service.url);
  const stand: Stand = { bench, service, api, clickhouse, postgres, urls };
  try {
    await api.createModel('taxi', SCHEMAS.taxi);
    await compareClickHouse(stand, bench.input('taxi', bench.scale.mediumBytes));
    await comparePostgres(stand, bench.input('taxi', bench.scale.smallBytes));
    await compareDelivery(stand, bench.input('taxi', bench.scale.mediumBytes));
  } finally {
    await service.stop();
    await Promise.all([clickhouse.stop(), postgres.stop()]);
  }
}

async function compareClickHouse(stand: Stand, input: Input): Promise<void> {
  const { bench, clickhouse, urls, service } = stand;
  const jobId = await delivered(stand, input);
  const ours: number[] = [];
  const theirs: number[] = [];
  const infile = async (): Promise<number> => {
    await clickhouse.query('DROP TABLE IF EXISTS plain', urls.clickhouse);
    await clickhouse.query(
      `CREATE TABLE plain (${plainColumns()}) ENGINE = MergeTree ORDER BY tuple()`,
      urls.clickhouse,
    );
    return rowsPerSecond(input.rows, () =>
      clickhouse.query(`INSERT INTO plain FROM INFILE '${input.path}' FORMAT CSVWithNames`, urls.clickhouse),
    );
  };
  const contenders = [
    async () => ours.push(await loads(stand, jobId, 'clickhouse', input)),
    async () => theirs.push(await infile()),
  ];
  for (let round = 0; round < bench.rounds; round++) {
    for (const run of inTurn(contenders, round)) await run();
    // What is there is the same, whichever way it came.
    const sum = `SELECT count() AS rows, sum(cityHash64(${Object.keys(SCHEMAS.taxi).join()})) AS sum FROM`;
    const [loaded] = await clickhouse.query(`${sum} data_taxi WHERE _job = '${jobId}'`, urls.clickhouse);
    const [plain] = await clickhouse.query(`${sum} plain`, urls.clickhouse);
    if (JSON.stringify(loaded) !== JSON.stringify(plain)) throw new Error('the tables have other rows');
    await takeOut(stand, jobId, 'clickhouse');
  }
  const ratio = median(ours.map((our, round) => our / (theirs[round] ?? 0)));
  bench.report.table(`ClickHouse: taxi, ${(input.bytes / 1e6).toFixed(0)} MB, median of ${bench.rounds}`, [
    {
      what: 'a load from the topic, until LOADED',
      figure: `${thousands(median(ours))} rows/s`,
      ratio: `${ratio.toFixed(2)} ×`,
      aim: atLeast(ratio, AIM, '× the next line'),
    },
    { what: '`INSERT … FROM INFILE` of the CSV file', figure: `${thousands(median(theirs))} rows/s` },
    memoryOf(service, 'clickhouse'),
  ]);
}

async function comparePostgres(stand: Stand, input: Input): Promise<void> {
  const { bench, postgres, urls, service } = stand;
  const ready = join(bench.folder, 'ready.copy');
  const figures = {
    ours: { fresh: [] as number[], again: [] as number[] },
    theirs: { fresh: [] as number[], again: [] as number[] },
  };
  const jobs = [await delivered(stand, input), await delivered(stand, input)] as const;
  const own = await postgres.createDatabase();
  for (let round = 0; round < bench.rounds; round++) {
    figures.ours.fresh.push(await loads(stand, jobs[0], 'postgres', input));
    figures.ours.again.push(await loads(stand, jobs[1], 'postgres', input));
    if (round === 0) await writeReady(urls.postgres, jobs[0], ready);
    for (const jobId of jobs) await takeOut(stand, jobId, 'postgres');
    const upserts = await openUpserts(own);
    const lines = readFileSync(ready, 'latin1').split('\n').slice(0, -1);
    figures.theirs.fresh.push(await rowsPerSecond(input.rows, () => upserts.run('first', lines)));
    figures.theirs.again.push(await rowsPerSecond(input.rows, () => upserts.run('second', lines)));
    await upserts.close();
  }
  const rows = (['fresh', 'again'] as const).flatMap((which): Row[] => {
    const [ours, theirs] = [figures.ours[which], figures.theirs[which]];
    const ratio = median(ours.map((our, round) => our / (theirs[round] ?? 0)));
    const what = which === 'fresh' ? 'rows that are new' : 'rows that another job has brought';
    return [
      {
        what: `a load from the topic, until LOADED, of ${what}`,
        figure: `${thousands(median(ours))} rows/s`,
        ratio: `${ratio.toFixed(2)} ×`,
        aim: atLeast(ratio, AIM, '× the next line'),
      },
      {
        what: `COPY of ready rows and the same upsert, in transactions of the same size, of ${what}`,
        figure: `${thousands(median(theirs))} rows/s`,
      },
    ];
  });
  const title = `PostgreSQL: taxi, ${(input.bytes / 1e6).toFixed(0)} MB, median of ${bench.rounds}`;
  bench.report.table(title, [...rows, memoryOf(service, 'postgres')]);
}

/** Delivery with the sinks at work beside it. */
async function compareDelivery({ bench, service }: Stand, input: Input): Promise<void> {
  const sinks = ['clickhouse', 'postgres'] as const;
  const { without, success, streaming } = await interleave(bench, {
    without: job(service, input, {}, 'without sinks'),
    success: job(service, input, { sinks: [...sinks] }, 'with both sinks'),
    streaming: job(service, input, { sinks: ['clickhouse'], sinkWhen: 'streaming' }, 'with a sink while it runs'),
  });
  const row = (what: string, runs: typeof without): Row => ({
    what,
    figure: `${medianOf(runs, mbPerSecond).toFixed(0)} MB/s`,
    ratio: `${medianRatio(runs, without, { ours: mbPerSecond, theirs: mbPerSecond }).toFixed(2)} ×`,
  });
  bench.report.table(`Delivery to Kafka: taxi, ${(input.bytes / 1e6).toFixed(0)} MB, median of ${bench.rounds}`, [
    row('a job without sinks, RUNNING → SUCCESS', without),
    row('with both, which load it and earlier jobs', success),
    row('with ClickHouse, sink_when=streaming', streaming),
  ]);
}

async function delivered({ api }: Stand, input: Input): Promise<string> {
  const { job_id: jobId } = await api.createJob('taxi', input.path);
  const { state } = await api.ended(jobId, LOADED_MS);
  if (state !== 'SUCCESS') throw new Error(`the job ended ${state}`);
  return jobId;
}

/** Rows a second, from the request to load the job until all are there. */
async function loads({ api }: Stand, jobId: string, name: SinkName, { rows }: Input): Promise<number> {
  return rowsPerSecond(rows, async () => {
    const response = await fetch(`${api.url}/jobs/${jobId}/sinks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sinks: [name] }),
    });
    if (response.status !== 202) throw new Error(`POST /jobs/{id}/sinks: ${response.status} ${await response.text()}`);
    const job = await api.until(jobId, ({ sinks }) => isIn(sinks, name, 'LOADED', 'FAILED'), LOADED_MS, LOOK_EVERY_MS);
    const sink = job.sinks.find((each) => each.name === name);
    if (sink?.rows !== rows) throw new Error(`not all is loaded: ${JSON.stringify(sink)}`);
  });
}

async function takeOut({ api }: Stand, jobId: string, name: SinkName): Promise<void> {
  await fetch(`${api.url}/jobs/${jobId}/sinks/${name}/rows`, { method: 'DELETE' });
  await api.until(jobId, ({ sinks }) => isIn(sinks, name, 'REMOVED'), LOADED_MS);
}

function isIn(sinks: readonly { name: string; state: string }[], name: string, ...states: string[]): boolean {
  return sinks.some((sink) => sink.name === name && states.includes(sink.state));
}

/** The rows of a job as the sink has made them, in the form of COPY. */
async function writeReady(url: string, jobId: string, path: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const rows = `SELECT ingested_rows.row_number, content_hash, data FROM ingested_rows JOIN ingested_data USING (content_hash)
    WHERE job_id = '${jobId}' ORDER BY 1`;
  await pipeline(client.query(copyTo(`COPY (${rows}) TO STDOUT`)), createWriteStream(path));
  await client.end();
}

/** What the sink does with ready rows, and nothing else. */
async function openUpserts(
  url: string,
): Promise<{ run(jobId: string, lines: string[]): Promise<void>; close(): Promise<void> }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`
    DROP TABLE IF EXISTS data, links;
    CREATE TABLE data (content_hash bytea PRIMARY KEY, model_id text NOT NULL, data jsonb NOT NULL, first_job_id text NOT NULL,
      row_number bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE links (job_id text NOT NULL, row_number bigint NOT NULL, content_hash bytea NOT NULL,
      PRIMARY KEY (job_id, row_number));
    CREATE INDEX ON links (content_hash)`);
  return {
    async run(jobId, lines) {
      for (let at = 0; at < lines.length; at += BLOCK_ROWS) {
        const text = `${lines.slice(at, at + BLOCK_ROWS).join('\n')}\n`;
        await client.query(`BEGIN; SET LOCAL work_mem = '64MB';
          CREATE TEMPORARY TABLE ready (row_number bigint, content_hash bytea, data jsonb) ON COMMIT DROP`);
        await pipeline(Readable.from([Buffer.from(text, 'latin1')]), client.query(copyFrom('COPY ready FROM STDIN')));
        await client.query(`
          INSERT INTO data (content_hash, model_id, data, first_job_id, row_number)
          SELECT DISTINCT ON (content_hash) content_hash, 'taxi', data, '${jobId}', row_number FROM ready
          ORDER BY content_hash, row_number
          ON CONFLICT (content_hash) DO UPDATE SET data = excluded.data, updated_at = now()
          WHERE data.first_job_id <> excluded.first_job_id;
          INSERT INTO links SELECT '${jobId}', row_number, content_hash FROM ready ORDER BY row_number;
          COMMIT`);
      }
    },
    close: () => client.end(),
  };
}

function plainColumns(): string {
  const types: Record<string, string> = { DateTime: `DateTime64(6, 'UTC')` };
  return Object.entries(SCHEMAS.taxi)
    .map(([name, type]) => `${name} ${types[type] ?? type}`)
    .join(', ');
}

/** The most memory that the process of a sink has held. */
function memoryOf(service: Service, name: SinkName): Row {
  const pid = sinkProcessOf(service, name);
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  const megabytes = (Number(kilobytes) * 1024) / 1e6;
  const what = 'peak memory of the process of the sink';
  return { what, figure: `${megabytes.toFixed(0)} MB`, aim: atMost(megabytes, AIM_MEMORY_MB, 'MB') };
}

async function rowsPerSecond(rows: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (rows / (performance.now() - started)) * 1000;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en');
}
