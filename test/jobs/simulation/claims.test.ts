import { CompiledQuery } from 'kysely';
import { openStore, type StoreFixture } from '../support/store-fixture.js';
import { type PlantedBug, SimulatedService } from './simulated-service.js';

/** SIMULATION_SEEDS raises it for the long run. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 40);

describe('claims under a notifier that loses, doubles, delays and reorders wakes', () => {
  let fixture: StoreFixture;
  beforeAll(async () => {
    fixture = await openStore();
    // No power fails here, and a thousand writes a second are made.
    await fixture.db.executeQuery(CompiledQuery.raw('PRAGMA synchronous = OFF'));
  });
  afterAll(() => fixture.close());

  it(`bring every job to its end under one runner at a time, in each of ${SEEDS} simulated services`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++)
      expect([seed, await new SimulatedService(fixture, seed).run()]).toEqual([seed, null]);
  });

  it.each<PlantedBug>([
    'wait-for-wakes-only',
    'notice-cancels-by-wakes-only',
    'trust-the-state-at-the-claim',
    'claim-what-somebody-has',
    'claim-before-it-is-due',
    'keep-the-lease-of-what-is-finished',
    'keep-the-leases-of-the-start-before',
  ])('are caught when they are made to %s', async (bug) => {
    const faults = [];
    for (let seed = 1; seed <= 200 && faults.length === 0; seed++) {
      const found = await new SimulatedService(fixture, seed, bug).run();
      if (found !== null) faults.push(found);
    }
    expect(faults).toHaveLength(1);
  });
});
