import { setTimeout as sleep } from 'node:timers/promises';
import { dataTable, SINK_ERRORS } from '../../../src/sinks/clickhouse/tables.js';
import { withClickHouse } from '../../kit/with-clickhouse.js';
import { blockOf, column } from '../sample.js';
import { useClickHouse } from './use-clickhouse.js';

const given = useClickHouse();

const GOOD = '{"day":"2026-01-01"}';
const BAD = '{"day":"9999-12-31"}';
const DAYS = { columns: [column('day', 'Date')] };

async function untilHeld(): Promise<void> {
  while ((await given.server.state()).held === 0) await sleep(10);
}

withClickHouse('after the rows of a job were taken out, a late insert has no effect', () => {
  it('behind blocks of which all rows were rejected', async () => {
    const job = given.newJob(DAYS);
    const session = await given.open().open(job);
    await session.writeRows(blockOf([GOOD]));
    await session.writeRows(blockOf([BAD], 1));
    await session.writeRows(blockOf([BAD], 2));
    await given.server.fault({ kind: 'hold', table: dataTable(job.modelId) });
    const held = session.writeRows(blockOf([GOOD], 3)).catch(() => undefined);
    await untilHeld();
    await given.open().remove(job);
    await given.server.release();
    await held;
    expect(await given.rowsOf(job)).toEqual([]);
    const again = await given.open().open({ ...job, load: 2 });
    for (const [from, row] of [GOOD, BAD, BAD, GOOD].entries()) await again.writeRows(blockOf([row], from));
    expect(await given.rowsOf(job)).toEqual([1, 4]);
  });

  it('of errors, whose rows have not come', async () => {
    const job = given.newJob(DAYS);
    const session = await given.open().open(job);
    await session.writeRows(blockOf([GOOD]));
    await given.server.fault({ kind: 'hold', table: SINK_ERRORS });
    const held = session.writeRows(blockOf([BAD], 1)).catch(() => undefined);
    await untilHeld();
    await given.open().remove(job);
    await given.server.release();
    await held;
    const sql = `SELECT row_number FROM ${SINK_ERRORS} WHERE job_id = '${job.jobId}'`;
    expect(await given.server.query(sql, given.url)).toEqual([]);
  });

  it('even if they were taken out twice', async () => {
    const job = given.newJob(DAYS);
    const session = await given.open().open(job);
    await session.writeRows(blockOf([GOOD]));
    await given.server.fault({ kind: 'hold', table: dataTable(job.modelId) });
    const held = session.writeRows(blockOf([GOOD], 1)).catch(() => undefined);
    await untilHeld();
    await given.open().remove(job);
    await given.open().remove(job);
    await given.server.release();
    await held;
    expect(await given.rowsOf(job)).toEqual([]);
  });
});
