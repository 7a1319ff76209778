import { ReconcileDelays } from '../../../src/jobs/coordination/reconcile-delays.js';

describe('the delays before a job is reconciled again', () => {
  it('grow from 30 s to 10 min, and begin anew once it is known', () => {
    const delays = new ReconcileDelays();
    const next = () => delays.next('aaaaaaaa') / 1000;
    expect(Array.from({ length: 7 }, next)).toEqual([30, 60, 120, 240, 480, 600, 600]);
    delays.forget('aaaaaaaa');
    expect(next()).toBe(30);
  });

  it('are kept for the thousand jobs that were heard of last', () => {
    const delays = new ReconcileDelays();
    for (let job = 0; job < 1_000; job++) delays.next(`job ${job}`);
    delays.next('job 0');
    delays.next('one more');
    expect(delays.jobs).toHaveLength(1_000);
    expect(delays.jobs).toEqual(expect.arrayContaining(['job 0', 'one more']));
    expect(delays.jobs).not.toContain('job 1');
  });
});
