import { signal, until } from '../job-stage.js';
import type { RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import { differences } from './loaded-rows.js';
import type { SinkName, SinksStage } from './sinks-stage.js';

const ROWS = 300_000;
const MEET_MS = 60_000;

/** Shows that the comparison can fail: what keeps rows from being doubled is taken away. */
export const sinkControl: Scenario<SinksStage> = {
  name: 'sink-control',
  what: 'late inserts without tokens, and blocks without a position, which the comparison must catch',
  times: { long: 2, short: 1 },
  async run(stage, times) {
    for (let round = 0; round < times; round++) {
      await stage.enter();
      const [first, file] = [stage.file(100), stage.file(ROWS)];
      // The first job makes the tables.
      await stage.loaded(await stage.load(first), first);
      await withoutToken(stage, file);
      await withoutPosition(stage, file);
    }
  },
};

async function withoutToken(stage: SinksStage, file: RowFile): Promise<void> {
  const { clickhouse, databases } = stage;
  await databases.clickhouse('ALTER TABLE data_rows MODIFY SETTING non_replicated_deduplication_window = 1');
  await clickhouse.fault({ kind: 'hold', table: 'data_rows' });
  const jobId = await stage.load(file, { sinks: 'clickhouse' });
  await until('an insert that is held', MEET_MS, async () => (await clickhouse.state()).held > 0 || undefined);
  for (const pid of stage.sinkProcesses('clickhouse')) signal(pid);
  await stage.reaches(jobId, 'LOADED', ['clickhouse']);
  await clickhouse.release();
  stage.tally.fault('token forgotten');
  await isCaught(stage, jobId, 'clickhouse', file);
}

async function withoutPosition(stage: SinksStage, file: RowFile): Promise<void> {
  await stage.databases.postgres(`
    ALTER TABLE ingested_rows DROP CONSTRAINT ingested_rows_pkey;
    CREATE SEQUENCE moves;
    CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE nextval(''moves'') WHEN 2 THEN OLD ELSE NEW END; END';
    CREATE TRIGGER stay BEFORE UPDATE ON sink_positions FOR EACH ROW WHEN (NEW.stream = 'data') EXECUTE FUNCTION stay()`);
  const jobId = await stage.load(file, { sinks: 'postgres' });
  await stage.reaches(jobId, 'LOADED', ['postgres']);
  stage.tally.fault('position not moved');
  await isCaught(stage, jobId, 'postgres', file);
}

async function isCaught(stage: SinksStage, jobId: string, name: SinkName, file: RowFile): Promise<void> {
  const job = await stage.client.job(jobId);
  const found = await differences(name, stage.databases, stage.broker.broker.brokers, job, file);
  if (found.doubled > 0 && found.lost === 0) stage.tally.event(`caught: rows doubled in ${name}`);
  else stage.tally.fail(`not caught: rows doubled in ${name}: ${JSON.stringify(found)}`);
}
