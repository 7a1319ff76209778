import { DEFAULT_LIMITS } from '../../../src/delivery/protocol.js';
import { TOPICS } from './model-broker.js';
import { type PlantedBug, simulate, topicOf, type Verdict } from './simulated-job.js';

/** SIMULATION_SEEDS raises it for the long run. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 400);

/** What is wrong, or null: lost, doubled or reordered rows, an end that is none, totals that are not the truth. */
function fault(pendingError: Verdict): string | null {
  const { seed, committed, rows, job, cancelled, refused, overstated, staleMs } = pendingError;
  if (job.error?.code === 'CHECKPOINT_LOST') {
    if ((staleMs ?? 0) < DEFAULT_LIMITS.lostAfterMs)
      return `seed ${seed}: the checkpoint was given up after ${staleMs} ms`;
    for (const topic of TOPICS) {
      const share = Array.from({ length: rows }, (_, row) => row).filter((row) => topicOf(row) === topic);
      const at = committed[topic].findIndex((row, index) => row !== share[index]);
      if (at >= 0) return `seed ${seed}: a lost job has row ${committed[topic][at]} where row ${share[at]} belongs`;
    }
    return null;
  }
  if (!job.checkpointVerified) return `seed ${seed}: nobody knows what is committed: ${JSON.stringify(job)}`;
  const claimed = job.checkpoint?.position.row ?? 0;
  for (const topic of TOPICS) {
    const share = Array.from({ length: claimed }, (_, row) => row).filter((row) => topicOf(row) === topic);
    const found = committed[topic];
    const at = found.findIndex((row, index) => row !== share[index]);
    if (at >= 0) return `seed ${seed}: in ${topic} row ${found[at]} stands where row ${share[at]} belongs`;
    if (found.length !== share.length) return `seed ${seed}: ${topic} has ${found.length} of ${share.length} rows`;
  }
  if (cancelled && job.state === 'CANCELLED') return null;
  if (refused && !cancelled && job.state === 'FAILED' && job.error?.code === 'KAFKA_REJECTED') return null;
  if (job.state !== 'SUCCESS' && job.state !== 'PARTIAL_SUCCESS') return `seed ${seed}: ended ${JSON.stringify(job)}`;
  if (claimed !== rows) return `seed ${seed}: ${claimed} of ${rows} rows are committed`;
  if (overstated > 0) return `seed ${seed}: ${overstated} rows were reported before they were committed`;
  return null;
}

describe('the delivery protocol under delays, losses, kills, freezes, outages and stale answers', () => {
  it(`delivers every row exactly once and in order in each of ${SEEDS} simulated jobs`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) expect(fault(simulate(seed))).toBeNull();
  });

  it.each<PlantedBug>([
    'skip-fence',
    'commit-before-acknowledged',
    'checkpoint-one-row-early',
    'checkpoint-one-row-late',
    'commit-unknown-is-committed',
    'retry-unknown-commit-in-place',
    'trust-stale-checkpoint',
    'report-before-commit',
    'send-while-committing',
    'checkpoint-what-is-held',
    'leave-unreconciled',
    'no-check-for-open-transactions',
    'take-pending-offsets-for-none',
    'commit-every-hanging-transaction',
    'abort-every-hanging-transaction',
    'send-on-before-rows-are-readable',
    'ignore-where-the-first-batch-lands',
    'take-the-first-stale-runner-for-the-last',
    'forget-the-stale-runners-before',
  ])('is caught when it is made to %s', (bug) => {
    const faults = [];
    for (let seed = 1; seed <= 4_000 && faults.length === 0; seed++) {
      const found = fault(simulate(seed, bug));
      if (found !== null) faults.push(found);
    }
    expect(faults).toHaveLength(1);
  });
});
