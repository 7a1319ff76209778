import { dataTable } from '../../../src/sinks/clickhouse/tables.js';
import { SinkError } from '../../../src/sinks/sink.js';
import { withClickHouse } from '../../kit/with-clickhouse.js';
import { blockOf, column } from '../sample.js';
import { useClickHouse } from './use-clickhouse.js';

const given = useClickHouse();

withClickHouse('the table of a model', () => {
  it('has 10,000 columns, if the model has, and its rows go there', async () => {
    const columns = Array.from({ length: 10_000 }, (_, index) =>
      column(`a column with a rather long name ${index}`, 'Int32'),
    );
    const job = given.newJob({ columns });
    const session = await given.open().open(job);
    await session.writeRows(blockOf([{ 'a column with a rather long name 9999': 7 }]));
    const sql = `SELECT \`a column with a rather long name 9999\` AS last FROM ${dataTable(job.modelId)}`;
    expect(await given.server.query(sql, given.url)).toEqual([{ last: 7 }]);
  });

  it('may have a column that was made LowCardinality by hand', async () => {
    const job = given.newJob();
    await given.open().open(job);
    const table = dataTable(job.modelId);
    await given.server.query(`ALTER TABLE ${table} MODIFY COLUMN note LowCardinality(Nullable(String))`, given.url);
    const session = await given.open().open(job);
    await session.writeRows(
      blockOf([
        { id: 1, note: 'x' },
        { id: 2, note: null },
      ]),
    );
    const found = await given.server.query(`SELECT note FROM ${table} ORDER BY id`, given.url);
    expect(found).toEqual([{ note: 'x' }, { note: null }]);
  });

  it('may have a constraint: a row that does not satisfy it is a conflict, and the message has no value of the row', async () => {
    const job = given.newJob();
    await given.open().open(job);
    const alter = `ALTER TABLE ${dataTable(job.modelId)} ADD CONSTRAINT limit CHECK note != 'confidential'`;
    await given.server.query(alter, given.url);
    const session = await given.open().open(job);
    const error = await session
      .writeRows(blockOf([{ id: 1, note: 'confidential' }]))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SinkError);
    expect(error).toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
    expect((error as SinkError).cause).toBeUndefined();
    expect((error as SinkError).message).toBe('ClickHouse refused the rows: VIOLATED_CONSTRAINT (469)');
  });
});
