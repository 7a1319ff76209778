import { pino } from 'pino';
import { LeaseKeeper } from '../../../src/jobs/coordination/lease-keeper.js';
import { JobsHarness } from '../support/jobs-harness.js';

const OWNER = 'this process';

describe('the keeper of leases', () => {
  let harness: JobsHarness;
  let keeper: LeaseKeeper;
  let woken: string[];
  let isStoreAway: boolean;
  /** Number of statements that get no answer. */
  let hanging: number;

  beforeEach(async () => {
    harness = await JobsHarness.open();
    woken = [];
    isStoreAway = false;
    hanging = 0;
    const { leases, coordinator, clock } = harness;
    const whenThere = <T>(ask: () => Promise<T>): Promise<T> => {
      if (hanging-- > 0) return new Promise(() => undefined);
      return isStoreAway ? Promise.reject(new Error('away')) : ask();
    };
    keeper = new LeaseKeeper({
      leases: {
        renew: (held, owner) => whenThere(() => leases.renew(held, owner)),
        releaseLapsed: () => whenThere(() => leases.releaseLapsed()),
      },
      coordinator,
      notifier: { notify: (jobId) => woken.push(jobId) },
      owner: OWNER,
      clock,
      log: pino({ level: 'silent' }),
    });
    keeper.start();
  });
  afterEach(async () => {
    await keeper.stop();
    await harness.close();
  });

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      harness.clock.advance(Math.min(left, 1_000));
      // A round makes two statements; the database answers in turn.
      for (let statement = 0; statement < 3; statement++) await harness.leases.renew([], OWNER);
      await harness.quiet();
    }
  }

  async function takenByAnother(): Promise<string> {
    const jobId = await harness.accept();
    await harness.store.claim('run', 'another process');
    return jobId;
  }

  it('keeps a job that is worked on for as long as that takes', async () => {
    const jobId = await harness.acceptAndClaim();
    await pass(120_000);
    expect(await harness.coordinator.isLeaseCurrent(jobId, 1)).toBe(true);
    expect(harness.runners.abandoned).toEqual([]);
  });

  it('keeps a job though one of its statements hangs', async () => {
    const jobId = await harness.acceptAndClaim();
    hanging = 2;
    await pass(40_000);
    expect(await harness.leases.releaseLapsed()).toEqual([]);
    expect(await harness.coordinator.isLeaseCurrent(jobId, 1)).toBe(true);
  });

  it('frees the job of a process that is gone, once its lease has lapsed', async () => {
    const jobId = await takenByAnother();
    await pass(29_000);
    expect([woken, await harness.runners.next()]).toEqual([[], null]);
    await pass(7_000);
    expect([woken, await harness.runners.next()]).toEqual([[jobId], expect.objectContaining({ jobId, lease: 2 })]);
  });

  it('leaves others time to renew theirs after an outage of the store', async () => {
    const jobId = await takenByAnother();
    isStoreAway = true;
    await pass(60_000);
    isStoreAway = false;
    await pass(9_000);
    expect(woken).toEqual([]);
    await pass(9_000);
    expect(woken).toEqual([jobId]);
  });

  it('goes on with its jobs during an outage, and gives up those that others have claimed since', async () => {
    const [kept, lost] = [await harness.acceptAndClaim(), await harness.acceptAndClaim()];
    isStoreAway = true;
    await pass(60_000);
    expect(harness.runners.abandoned).toEqual([]);
    const row = harness.fixture.db.updateTable('jobs').where('job_id', '=', lost);
    await row.set({ lease: 2, lease_token: 'of another claim', lease_owner: 'another process' }).execute();
    isStoreAway = false;
    await pass(6_000);
    expect(harness.runners.abandoned).toEqual([lost]);
    expect(harness.coordinator.heldLeases.map(({ jobId }) => jobId)).toEqual([kept]);
    expect(await harness.coordinator.isLeaseCurrent(kept, 1)).toBe(true);
  });
});
