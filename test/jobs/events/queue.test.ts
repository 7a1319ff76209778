import fc from 'fast-check';
import type { Job, JobState } from '../../../src/jobs/domain/job.js';
import type { JobEvent } from '../../../src/jobs/events/job-event.js';
import { JobEventQueue } from '../../../src/jobs/events/queue.js';

function event(job_id: string, revision: number, state: JobState, bytes = 1): JobEvent {
  return { job: { job_id, revision, state } as Job, value: '', bytes, headers: {} };
}

function queueOf(limit: number, maxBytes = 1_000_000): JobEventQueue {
  return new JobEventQueue({ limit, maxBytes });
}

describe('the queue of events', () => {
  it('keeps the last of several in one state, and every state', () => {
    const queue = queueOf(10);
    const all = [
      event('a', 1, 'PENDING'),
      event('a', 2, 'RUNNING'),
      event('b', 1, 'PENDING'),
      event('a', 3, 'RUNNING'),
      event('a', 4, 'SUCCESS'),
    ];
    for (const one of all) expect(queue.add(one)).toBe(true);
    expect(queue.take(10)).toEqual([all[0], all[3], all[2], all[4]]);
    expect(queue.size).toBe(0);
  });

  it('puts one that comes late before the later ones of its job', () => {
    const queue = queueOf(10);
    const [first, second] = [event('a', 2, 'CANCELLING'), event('a', 3, 'CANCELLED')];
    queue.add(second);
    queue.add(first);
    expect(queue.take(10)).toEqual([first, second]);
  });

  it('takes no more than its limit, but still replaces', () => {
    const queue = queueOf(1);
    expect(queue.add(event('a', 1, 'RUNNING'))).toBe(true);
    expect(queue.add(event('b', 1, 'RUNNING'))).toBe(false);
    expect(queue.add(event('a', 2, 'RUNNING'))).toBe(true);
    expect(queue.take(10)).toEqual([event('a', 2, 'RUNNING')]);
  });

  it('takes no more bytes than its limit and one event, also by replacing', () => {
    const queue = queueOf(10, 100);
    expect(queue.add(event('a', 1, 'PENDING', 60))).toBe(true);
    expect(queue.add(event('a', 2, 'RUNNING', 10))).toBe(true);
    expect(queue.isFull).toBe(false);
    expect(queue.add(event('a', 3, 'RUNNING', 60))).toBe(true);
    expect(queue.isFull).toBe(true);
    expect(queue.add(event('a', 4, 'RUNNING', 61))).toBe(false);
    expect(queue.add(event('b', 1, 'PENDING', 1))).toBe(false);
    expect(queue.add(event('a', 5, 'RUNNING', 50))).toBe(true);
    expect(queue.take(1)).toEqual([event('a', 1, 'PENDING', 60)]);
    expect(queue.add(event('b', 1, 'PENDING', 50))).toBe(true);
    expect(queue.isFull).toBe(true);
    queue.clear();
    expect(queue.isFull).toBe(false);
    expect(queue.add(event('b', 2, 'PENDING', 1000))).toBe(true);
  });

  it('gives each job in the order of its revisions, however they come in', () => {
    const states: JobState[] = ['PENDING', 'RUNNING', 'SUCCESS'];
    const arrival = fc.record({
      job: fc.constantFrom('a', 'b', 'c'),
      revision: fc.integer({ min: 1, max: 30 }),
      take: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.uniqueArray(arrival, { selector: ({ job, revision }) => `${job}${revision}` }), (arrivals) => {
        const queue = queueOf(1000);
        for (const { job, revision } of arrivals) queue.add(event(job, revision, states[Math.floor(revision / 11)]!));
        const out = queue.take(1000);
        for (const job of ['a', 'b', 'c']) {
          const mine = out.map((one) => one.job).filter(({ job_id }) => job_id === job);
          const revisions = mine.map(({ revision }) => revision);
          expect(revisions).toEqual([...revisions].sort((x, y) => x - y));
          const arrived = arrivals.filter((one) => one.job === job).map(({ revision }) => revision);
          const stateOf = (revision: number): JobState => states[Math.floor(revision / 11)]!;
          expect(new Set(mine.map(({ state }) => state))).toEqual(new Set(arrived.map(stateOf)));
          if (arrived.length > 0) expect(revisions.at(-1)).toBe(Math.max(...arrived));
        }
      }),
    );
  });
});
