import { type PlantedBug, simulate, type Verdict } from './simulated-job.js';

/** SIMULATION_SEEDS raises it for the long run. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 400);

/** What is wrong, or null: lost, doubled or reordered rows, an end that is none, totals ahead of the truth. */
function fault({ seed, committed, rows, outcome, overstated }: Verdict): string | null {
  const at = committed.findIndex((row, index) => row !== index);
  if (at >= 0) return `seed ${seed}: row ${committed[at]} stands where row ${at} belongs`;
  if (outcome?.kind === 'settled') {
    const claimed = outcome.checkpoint?.ok ?? 0;
    return claimed === committed.length ? null : `seed ${seed}: settled at ${claimed} of ${committed.length} rows`;
  }
  if (outcome?.kind !== 'completed') return `seed ${seed}: ended ${JSON.stringify(outcome)}`;
  if (committed.length !== rows) return `seed ${seed}: ${committed.length} of ${rows} rows are committed`;
  if (overstated > 0) return `seed ${seed}: ${overstated} rows were reported before they were committed`;
  return null;
}

describe('the delivery protocol under delays, losses, kills, freezes and outages', () => {
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
  ])('is caught when it is made to %s', (bug) => {
    const faults = [];
    for (let seed = 1; seed <= 400 && faults.length === 0; seed++) {
      const found = fault(simulate(seed, bug));
      if (found !== null) faults.push(found);
    }
    expect(faults).toHaveLength(1);
  });
});
