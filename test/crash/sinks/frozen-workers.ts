import type { ClusterProcess } from '../cluster/processes.js';
import { until } from '../job-stage.js';
import type { Scenario } from '../stage.js';
import { SINKS, type SinkName, type SinksStage } from './sinks-stage.js';

const ROWS = 500_000;
const MEET_MS = 60_000;
/** A lease lasts 30 s. */
const FROZEN_MS = 45_000;

/** A machine that stands still with a load, and wakes when another one has finished it. */
export const frozenWorkers: Scenario<SinksStage> = {
  name: 'frozen-workers',
  what: 'SIGSTOP of a worker and its sinks in the middle of a block, another worker, SIGCONT',
  times: { long: 8, short: 0 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(ROWS);
    for (let round = 0; round < times; round++) {
      const name = SINKS[round % SINKS.length] ?? 'postgres';
      const jobId = await stage.load(file);
      if (name === 'clickhouse') await stage.clickhouse.fault({ kind: 'hold' });
      const worker = await until(`a load into ${name}`, MEET_MS, () => meets(stage, jobId, name));
      const frozen = worker.freeze(true, FROZEN_MS);
      stage.tally.fault(`frozen, loading into ${name}`);
      // The other worker has all by itself.
      const job = await stage.reaches(jobId, 'LOADED');
      const isOthers = worker.isFrozen;
      stage.tally.event(
        isOthers ? 'loaded by another worker' : `was awake before ${job.sinks.map(({ state }) => state)}`,
      );
      await stage.clickhouse.release();
      await frozen;
      await stage.loaded(jobId, file);
      await stage.takeOut(jobId);
      await stage.holdsNothing(jobId);
      await stage.client.purge(jobId);
    }
  },
};

/** The worker that is in the middle of a block. */
async function meets(stage: SinksStage, jobId: string, name: SinkName): Promise<ClusterProcess | undefined> {
  const worker = stage.loader(jobId, name);
  if (worker === undefined) return undefined;
  if (name === 'clickhouse') return (await stage.clickhouse.state()).held > 0 ? worker : undefined;
  const { sinks } = await stage.client.job(jobId);
  return sinks.some((sink) => sink.name === name && sink.rows > 0 && sink.state === 'LOADING') ? worker : undefined;
}
