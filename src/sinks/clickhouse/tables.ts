import type { SinkDdl } from '../../config/index.js';
import type { Column } from '../../models/schema/index.js';
import { SinkError, type SinkJob } from '../sink.js';
import { type ClickHouseType, isWithin, nullableOf, parseType, typeOf } from './column-types.js';
import { type Connection, literal, quoted } from './connection.js';
import { syncReplicas } from './replicas.js';

/** Blocks of a table that are known by their tokens. A block that is repeated is at most a few blocks old. */
const WINDOW = 10_000;
/** For a week, on replicas. */
const WINDOW_SECONDS = 604_800;
/**
 * A part whose rows are all deleted is kept: with it go the tokens of its inserts, and an insert that comes late would bring
 * rows back that were taken out. On replicas the tokens are in Keeper.
 */
const KEEPS_TOKENS = 'remove_empty_parts = 0';
/** A block is one file then, rather than two for each column; only what merges make of many has these. In bytes. */
const COMPACT = 'min_bytes_for_wide_part = 134217728';
const SETTINGS = `non_replicated_deduplication_window = ${WINDOW}, replicated_deduplication_window = ${WINDOW}, replicated_deduplication_window_seconds = ${WINDOW_SECONDS}, ${KEEPS_TOKENS}, ${COMPACT}`;
/** Characters of statements in a message. */
const MAX_LISTED = 16_384;
const ENGINES = /^(?:Replicated|Shared)?MergeTree$/;

/** What every row of a data table has, in the order in which it is written. */
export const OWN_COLUMNS: readonly (readonly [name: string, type: string])[] = [
  ['_job', 'String'],
  ['_load', 'UInt32'],
  ['_block', 'UInt64'],
  ['_row', 'UInt64'],
  ['_offset', 'UInt64'],
];
export const EXTRA = '_extra';

export const REJECTED_ROWS = 'rejected_rows';
export const SINK_ERRORS = 'sink_errors';

const PLACE = '`_load` UInt32, `_block` UInt64, `_offset` UInt64';
const TABLES: Readonly<Record<string, string>> = {
  [REJECTED_ROWS]: `(job_id String, row_number UInt64, line Nullable(UInt64), byte_offset Nullable(UInt64), error_index UInt16,
  column Nullable(String), type Nullable(String), error String, observed Nullable(String), message String, raw_data String,
  raw_encoding String, raw_truncated Bool, timestamp DateTime64(3, 'UTC'), ${PLACE})
ENGINE = MergeTree ORDER BY (job_id, row_number, error_index) SETTINGS ${SETTINGS}`,
  [SINK_ERRORS]: `(job_id String, row_number UInt64, column Nullable(String), type Nullable(String), error String,
  observed Nullable(String), message String, raw_data String, raw_truncated Bool, ${PLACE})
ENGINE = MergeTree ORDER BY (job_id, row_number) SETTINGS ${SETTINGS}`,
};

/** The table of a model's rows. */
export function dataTable(modelId: string): string {
  return `data_${modelId.replaceAll('-', '_')}`;
}

/** A column of the table that the model has, too. */
export interface TableColumn {
  name: string;
  /** As the table spells it. */
  spelled: string;
  type: ClickHouseType;
}

interface FoundTable {
  engine: string;
  engine_full: string;
  partition_key: string;
  create_table_query: string;
  comment: string;
}

interface FoundColumn {
  name: string;
  type: string;
  default_kind: string;
}

/**
 * Creates what is missing of the tables that a job needs, and finds out what the columns of its model are. Throws
 * SINK_SCHEMA_CONFLICT, with the statements to run if some would help.
 */
export async function prepareTables(connection: Connection, job: SinkJob, ddl: SinkDdl): Promise<TableColumn[]> {
  for (const name of [REJECTED_ROWS, SINK_ERRORS]) {
    const found = await find(connection, name);
    if (found !== undefined) requireUsable(name, found);
    else await change(connection, ddl, [`CREATE TABLE IF NOT EXISTS ${quoted(name)} ${TABLES[name]}`]);
  }
  refuseNames(job);
  const table = dataTable(job.modelId);
  let found = await find(connection, table);
  if (found === undefined) {
    await change(connection, ddl, [createStatement(job)]);
    found = await find(connection, table);
  }
  if (found === undefined) throw new SinkError('SINK_UNAVAILABLE', `the table ${table} was created, and is not there`);
  requireUsable(table, found);
  const owner = /^Batch model (.+)$/.exec(found.comment)?.[1];
  if (owner !== undefined && owner !== job.modelId) {
    throw new SinkError(
      'SINK_SCHEMA_CONFLICT',
      `the table ${table} is that of the model '${owner}': give one of them another id`,
    );
  }
  await syncReplicas(connection, await enginesOf(connection, [table, REJECTED_ROWS, SINK_ERRORS]));
  return fitColumns(connection, job, ddl);
}

/** Brings the columns of the data table in line with the model, and gives those of the model. */
async function fitColumns(connection: Connection, job: SinkJob, ddl: SinkDdl): Promise<TableColumn[]> {
  const table = dataTable(job.modelId);
  const columns = await columnsOf(connection, table);
  const [adding, changing, impossible] = differences(table, job.columns, columns);
  if (impossible.length > 0) throw new SinkError('SINK_SCHEMA_CONFLICT', impossible.join('; '));
  if (changing.length > 0) await change(connection, ddl === 'migrate' ? 'create' : 'off', changing, true);
  if (adding.length > 0) await change(connection, ddl, adding);
  const now = adding.length + changing.length > 0 ? await columnsOf(connection, table) : columns;
  return job.columns.map(({ name }) => {
    const spelled = now.find((column) => column.name === name)?.type ?? '';
    const type = parseType(spelled);
    if (type === null) throw new SinkError('SINK_SCHEMA_CONFLICT', `the table ${table} has no usable column ${name}`);
    return { name, spelled, type };
  });
}

/** Statements that add columns, statements that change columns, and what no statement of ours can mend. */
function differences(
  table: string,
  model: readonly Column[],
  found: readonly FoundColumn[],
): [adding: string[], changing: string[], impossible: string[]] {
  const adding: string[] = [];
  const changing: string[] = [];
  const impossible: string[] = [];
  const alter = (what: string): string => `ALTER TABLE ${quoted(table)} ${what}`;
  const byName = new Map(found.map((column) => [column.name, column]));
  for (const column of model) {
    const wanted = typeOf(column);
    const actual = byName.get(column.name)?.type;
    byName.delete(column.name);
    if (actual === undefined) {
      // Rows that are there have no value for it.
      adding.push(alter(`ADD COLUMN IF NOT EXISTS ${quoted(column.name)} ${typeOf({ ...column, nullable: true })}`));
      continue;
    }
    const [from, to] = [parseType(actual), parseType(wanted)];
    if (from === null || to === null || !(isWithin(from, to) || isWithin(to, from))) {
      impossible.push(
        `the column ${column.name} of ${table} is ${actual}, and ${wanted} in the model: use another name, or another model`,
      );
    } else if (!isWithin(to, from) || (to.layout.nullable && !from.layout.nullable)) {
      const isNullable = from.layout.nullable || to.layout.nullable;
      const base = typeOf({ ...column, nullable: false });
      const wide = isWithin(to, from) ? actual : base;
      changing.push(alter(`MODIFY COLUMN ${quoted(column.name)} ${isNullable ? nullableOf(wide) : wide}`));
    }
  }
  for (const [name] of [...OWN_COLUMNS, [EXTRA]]) {
    if (!byName.delete(name as string)) impossible.push(`the table ${table} has no column ${name}`);
  }
  // What the model does not have gets no value: it must be told from one.
  for (const { name, type, default_kind: kind } of byName.values()) {
    const nullable = nullableOf(type);
    if (kind === '' && type !== nullable) changing.push(alter(`MODIFY COLUMN ${quoted(name)} ${nullable}`));
  }
  return [adding, changing, impossible];
}

/** Runs the statements, or says that they are missing. */
async function change(
  connection: Connection,
  ddl: SinkDdl,
  statements: readonly string[],
  alters = false,
): Promise<void> {
  if (ddl === 'off') {
    const why = alters ? 'its columns must be changed (SINK_DDL=migrate does it)' : 'SINK_DDL is off';
    throw new SinkError('SINK_SCHEMA_CONFLICT', `${why}; run: ${listed(statements)}`);
  }
  for (const statement of statements) await connection.run(statement, {}, { mutations_sync: 2, alter_sync: 2 });
}

/** As much of them as a message has room for. */
function listed(statements: readonly string[]): string {
  const text = statements.join('; ');
  return text.length <= MAX_LISTED ? text : `${text.slice(0, MAX_LISTED)}… (${statements.length} statements in all)`;
}

function createStatement({ modelId, columns }: SinkJob): string {
  const own = OWN_COLUMNS.map(([name, type]) => `${quoted(name)} ${type}`);
  const given = columns.map((column) => `${quoted(column.name)} ${typeOf(column)}`);
  return `CREATE TABLE IF NOT EXISTS ${quoted(dataTable(modelId))} (${[...own, ...given, `${quoted(EXTRA)} String`].join(', ')})
ENGINE = MergeTree ORDER BY (_job, _load, _offset) SETTINGS ${SETTINGS} COMMENT ${literal(`Batch model ${modelId}`)}`;
}

function refuseNames({ columns }: SinkJob): void {
  const taken = new Set([...OWN_COLUMNS.map(([name]) => name), EXTRA]);
  const column = columns.find(({ name }) => taken.has(name));
  if (column === undefined) return;
  throw new SinkError(
    'SINK_SCHEMA_CONFLICT',
    `the model has a column ${column.name}, which the table has for itself: rename it`,
  );
}

/** A table in which one insert is one part, known by its token, and from which a job's rows can be taken out. */
function requireUsable(name: string, found: FoundTable): void {
  const refuse = (why: string): never => {
    throw new SinkError('SINK_SCHEMA_CONFLICT', `the table ${name} ${why}`);
  };
  const set = (setting: string): string => `run: ALTER TABLE ${quoted(name)} MODIFY SETTING ${setting}`;
  const { engine, engine_full: full, partition_key: partition, create_table_query: statement } = found;
  if (!ENGINES.test(engine)) {
    refuse(`is ${engine}: ${engine === 'Distributed' ? 'name the tables behind it' : 'make it a MergeTree'}`);
  }
  if (partition !== '') refuse(`is partitioned by ${partition}: a block would become several parts`);
  // Rows that are gone as soon as they are inserted would be taken for lost.
  if (/ TTL /.test(full)) refuse(`has a TTL for rows: run: ALTER TABLE ${quoted(name)} REMOVE TTL`);
  if (/\bPROJECTION\b/.test(statement) && !/lightweight_mutation_projection_mode = '(rebuild|drop)'/.test(full)) {
    refuse(
      `has projections, which keep rows from being deleted; ${set("lightweight_mutation_projection_mode = 'rebuild'")}`,
    );
  }
  if (engine !== 'MergeTree') return;
  if (!(Number(/non_replicated_deduplication_window = (\d+)/.exec(full)?.[1] ?? 0) > 0)) {
    refuse(`keeps no tokens of inserts; ${set(`non_replicated_deduplication_window = ${WINDOW}, ${KEEPS_TOKENS}`)}`);
  }
  if (!/remove_empty_parts = (?:0|false)/.test(full)) refuse(`forgets tokens of deleted rows; ${set(KEEPS_TOKENS)}`);
}

/** The engines of those tables that are there. */
export async function enginesOf(connection: Connection, names: readonly string[]): Promise<Map<string, string>> {
  const found = await connection.rows<{ name: string; engine: string }>(
    'SELECT name, engine FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}',
    { names },
  );
  return new Map(found.map(({ name, engine }) => [name, engine]));
}

async function find(connection: Connection, name: string): Promise<FoundTable | undefined> {
  const [found] = await connection.rows<FoundTable>(
    'SELECT engine, engine_full, partition_key, create_table_query, comment FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
    { name },
  );
  return found;
}

async function columnsOf(connection: Connection, table: string): Promise<FoundColumn[]> {
  return connection.rows<FoundColumn>(
    'SELECT name, type, default_kind FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position',
    { table },
  );
}
