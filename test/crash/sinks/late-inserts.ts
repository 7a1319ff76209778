import { signal, until } from '../job-stage.js';
import { type RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import type { SinksStage } from './sinks-stage.js';

const ROWS = 300_000;
const MEET_MS = 60_000;
/** An insert is held at random from among the first blocks. */
const MAX_PAUSE_MS = 400;

const MOMENTS = ['after the job was loaded', 'after its rows were taken out', 'after it was loaded again'] as const;

/** ClickHouse carries out what a process sent that is long gone. */
export const lateInserts: Scenario<SinksStage> = {
  name: 'late-inserts',
  what: 'an insert that is carried out when its sender is dead: after the load, its removal, or the next load',
  times: { long: 24, short: 3 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    while (stage.tally.faultCount < times) {
      const moment = MOMENTS[stage.tally.faultCount % MOMENTS.length] ?? 'after the job was loaded';
      await arriveLate(stage, file, moment);
    }
  },
};

async function arriveLate(stage: SinksStage, file: RowFile, moment: (typeof MOMENTS)[number]): Promise<void> {
  const { clickhouse } = stage;
  const jobId = await stage.load(file);
  await stage.pause(MAX_PAUSE_MS);
  await clickhouse.fault({ kind: 'hold' });
  const isHeld = await until('an insert that is held', MEET_MS, async () => {
    if ((await clickhouse.state()).held > 0) return true;
    const { sinks } = await stage.client.job(jobId);
    return sinks.some(({ name, state }) => name === 'clickhouse' && state === 'LOADED') ? false : undefined;
  });
  await clickhouse.heal();
  if (!isHeld) {
    await stage.loaded(jobId, file);
    await stage.takeOut(jobId);
    return;
  }
  for (const pid of stage.sinkProcesses('clickhouse')) signal(pid);
  await stage.reaches(jobId, 'LOADED');
  if (moment !== 'after the job was loaded') await stage.takeOut(jobId);
  if (moment === 'after it was loaded again') {
    await stage.client.addSinks(jobId, ['clickhouse', 'postgres']);
    await stage.reaches(jobId, 'LOADED');
  }
  await clickhouse.release();
  stage.tally.fault(moment);
  if (moment === 'after its rows were taken out') await stage.holdsNothing(jobId);
  else await stage.loaded(jobId, file);
  if (moment !== 'after its rows were taken out') await stage.takeOut(jobId);
  await stage.holdsNothing(jobId);
  await stage.client.purge(jobId);
}
