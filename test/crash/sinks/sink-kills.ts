import type { Scenario } from '../stage.js';
import { SINK_FAULTS, type SinkFault } from './sink-faults.js';
import type { SinksStage } from './sinks-stage.js';

/** Six blocks each, the last one short. */
const ROWS = { long: 350_000, short: 150_000 };
const SHORT = 20;
const MAX_PAUSE_MS = 700;
/** Kinds of faults that met nothing in a row, before the round is left to end. */
const IDLE = 40;

/** Two jobs of one model at a time. */
export const sinkKills: Scenario<SinksStage> = {
  name: 'sink-kills',
  what: 'kill -9 of sinks, databases, workers and broker, lost answers and late inserts, while two jobs are loaded',
  times: { long: 200, short: 14 },
  async run(stage, times) {
    await stage.enter();
    const rows = times > SHORT ? ROWS.long : ROWS.short;
    const files = [stage.file(rows), stage.file(rows - 1)] as const;
    let deck: SinkFault[] = [];
    for (let round = 0; stage.tally.faultCount < times; round++) {
      const when = round % 2 === 0 ? 'success' : 'streaming';
      const jobIds = await Promise.all(files.map((file) => stage.load(file, { sink_when: when })));
      deck = await breakLoads(stage, jobIds, times, deck);
      await stage.heal();
      for (const [index, jobId] of jobIds.entries()) await stage.loaded(jobId, files[index] ?? files[0]);
      // Once more, as another generation.
      if (round % 3 === 2) await loadAgain(stage, jobIds[0] ?? '', files[0]);
      for (const jobId of jobIds) await stage.takeOut(jobId);
      for (const jobId of jobIds) await stage.holdsNothing(jobId);
      for (const jobId of jobIds) await stage.client.purge(jobId);
    }
    await nothingLeft(stage);
  },
};

/** Faults one after the other until all is loaded; gives the kinds that are left of the deck. */
async function breakLoads(
  stage: SinksStage,
  jobIds: readonly string[],
  times: number,
  deck: SinkFault[],
): Promise<SinkFault[]> {
  let left = deck;
  for (let idle = 0; idle < IDLE && stage.tally.faultCount < times; ) {
    await stage.pause(MAX_PAUSE_MS);
    const jobs = await Promise.all(jobIds.map((jobId) => stage.client.job(jobId)));
    const open = new Set(
      jobs.flatMap(({ sinks }) => sinks.filter(({ state }) => state !== 'LOADED').map(({ name }) => name)),
    );
    if (open.size === 0) break;
    // All kinds as often as each other, as far as the loads let them.
    if (left.length === 0) left = stage.shuffled(SINK_FAULTS);
    const index = left.findIndex(({ sink }) => open.has(sink));
    const [fault] =
      index === -1 ? [stage.pick(SINK_FAULTS.filter(({ sink }) => open.has(sink)))] : left.splice(index, 1);
    if (fault === undefined) break;
    if (await fault.run(stage, jobIds)) {
      stage.tally.fault(fault.name);
      idle = 0;
    } else {
      idle += 1;
      left.push(fault);
    }
  }
  return left;
}

async function loadAgain(stage: SinksStage, jobId: string, file: Parameters<SinksStage['loaded']>[1]): Promise<void> {
  await stage.takeOut(jobId);
  await stage.holdsNothing(jobId);
  await stage.client.addSinks(jobId, ['clickhouse', 'postgres']);
  stage.tally.event('loaded again');
  await stage.loaded(jobId, file);
}

/** Every job's rows were taken out: none is left without a job. */
async function nothingLeft(stage: SinksStage): Promise<void> {
  const [row] = await stage.databases.postgres('SELECT count(*) AS count FROM ingested_data');
  if (Number(row?.['count']) > 0) stage.tally.fail(`ingested_data has ${row?.['count']} rows that belong to no job`);
}
