import { Cluster } from './cluster.js';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.js';
import { SharedStore } from './shared-store.js';

/** SIMULATION_SEEDS raises it for the long run, and SIMULATION_FROM says where that begins. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 100);
const FROM = Number(process.env['SIMULATION_FROM'] ?? 1);
const TOLD_LINES = 60;

describe('several workers and APIs on one store, which stand still, die, and lose the store', () => {
  let store: SharedStore;
  beforeAll(async () => {
    store = await SharedStore.open();
  });
  afterAll(() => store.close());

  it(`bring every job to its end, each row once, in each of ${SEEDS} simulated clusters`, async () => {
    for (let seed = FROM; seed < FROM + SEEDS; seed++) {
      const cluster = new Cluster(store, seed);
      const fault = await cluster.run();
      if (fault !== null) throw new Error(told(seed, fault, cluster));
    }
  }, 7_200_000);

  it.each(Object.keys(PLANTED_BUGS) as PlantedBug[])('are caught when they are made to %s', async (bug) => {
    let fault: string | null = null;
    const first = PLANTED_BUGS[bug];
    for (let seed = first; seed < first + 400 && fault === null; seed++)
      fault = await new Cluster(store, seed, bug).run();
    expect(fault).not.toBeNull();
  });
});

function told(seed: number, fault: string, { world }: Cluster): string {
  const command = `SIMULATION_FROM=${seed} SIMULATION_SEEDS=1 node --experimental-vm-modules node_modules/jest/bin/jest.js test/jobs/simulation/cluster --selectProjects unit`;
  return [`seed ${seed}: ${fault}`, `Again: ${command}`, ...world.story.slice(-TOLD_LINES)].join('\n');
}
