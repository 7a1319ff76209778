import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from '../stage.js';
import type { SinksStage } from './sinks-stage.js';

const ROWS = 350_000;
const LOOK_MS = 20;

/** The table forgets a token after three inserts: what it has is known by the position alone. */
export const rolledWindow: Scenario<SinksStage> = {
  name: 'rolled-window',
  what: 'answers dropped while the blocks of another job push the tokens out of a window of three',
  times: { long: 30, short: 2 },
  async run(stage, times) {
    await stage.enter();
    const files = [stage.file(ROWS), stage.file(ROWS - 1)] as const;
    // The first job makes the table.
    await stage.loaded(await stage.load(stage.file(100)), stage.file(100));
    await stage.databases.clickhouse('ALTER TABLE data_rows MODIFY SETTING non_replicated_deduplication_window = 3');
    while (stage.tally.faultCount < times) {
      const jobIds = await Promise.all(files.map((file) => stage.load(file)));
      while (await isLoading(stage, jobIds)) {
        const { faults } = await stage.clickhouse.state();
        if (faults === 0 && stage.random(4) === 0) {
          await stage.clickhouse.fault({ kind: 'drop', table: 'data_rows' });
          stage.tally.fault('answer dropped');
        }
        await sleep(LOOK_MS);
      }
      const { faults } = await stage.clickhouse.state();
      await stage.clickhouse.heal();
      if (faults > 0) stage.tally.takeBack('answer dropped', faults);
      for (const [index, jobId] of jobIds.entries()) await stage.loaded(jobId, files[index] ?? files[0]);
      for (const jobId of jobIds) await stage.takeOut(jobId);
      for (const jobId of jobIds) await stage.client.purge(jobId);
    }
  },
};

async function isLoading(stage: SinksStage, jobIds: readonly string[]): Promise<boolean> {
  const jobs = await Promise.all(jobIds.map((jobId) => stage.client.job(jobId)));
  return jobs.some(({ sinks }) => sinks.some(({ name, state }) => name === 'clickhouse' && state !== 'LOADED'));
}
