import { randomBytes } from 'node:crypto';
import { ClickHouseSink } from '../../../src/sinks/clickhouse/clickhouse-sink.js';
import { dataTable } from '../../../src/sinks/clickhouse/tables.js';
import type { SinkJob } from '../../../src/sinks/sink-job.js';
import { type ClickHouseServer, startClickHouse } from '../../kit/clickhouse.js';
import { jobOf } from '../sample.js';

export interface ClickHouseInUse {
  readonly server: ClickHouseServer;
  /** The database's. */
  readonly url: string;
  /** Another sink, as another process would have one; closed after the tests. */
  open(): ClickHouseSink;
  /** A job of a model that no other job has. */
  newJob(changes?: Partial<SinkJob>): SinkJob;
  /** The numbers of the rows that a job has in its table, as they are. */
  rowsOf(job: SinkJob): Promise<number[]>;
}

/** A server for the tests of a file. */
export function useClickHouse(): ClickHouseInUse {
  const sinks: ClickHouseSink[] = [];
  let server: ClickHouseServer;
  let url: string;
  beforeAll(async () => {
    server = await startClickHouse();
    url = await server.createDatabase();
  }, 400_000);
  afterEach(() => server.heal());
  afterAll(async () => {
    await Promise.all(sinks.map((sink) => sink.close()));
    await server.stop();
  });
  return {
    get server() {
      return server;
    },
    get url() {
      return url;
    },
    open() {
      const sink = new ClickHouseSink({ url, ddl: 'create', lineage: true });
      sinks.push(sink);
      return sink;
    },
    newJob(changes = {}) {
      return jobOf(randomBytes(4).toString('hex'), { modelId: `m_${randomBytes(4).toString('hex')}`, ...changes });
    },
    async rowsOf({ jobId, modelId }) {
      const sql = `SELECT _row FROM ${dataTable(modelId)} WHERE _job = '${jobId}' ORDER BY _row, _offset`;
      return (await server.query<{ _row: string }>(sql, url)).map(({ _row }) => Number(_row));
    },
  };
}
