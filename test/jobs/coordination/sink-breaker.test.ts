import { Breaker } from '../../../src/jobs/coordination/sink-breaker.js';
import { ManualClock } from '../support/manual-clock.js';

describe('a breaker', () => {
  let clock: ManualClock;
  let breaker: Breaker;

  beforeEach(() => {
    clock = new ManualClock();
    breaker = new Breaker(clock);
  });

  /** How many of these get in. */
  function entering(count: number): number {
    return Array.from({ length: count }, () => breaker.tryEnter()).filter((isIn) => isIn).length;
  }

  it('lets everybody in as long as nothing has failed', () => {
    expect(entering(10_000)).toBe(10_000);
    expect([breaker.reason, breaker.waitMs]).toEqual([null, 0]);
  });

  it('lets one of 10,000 in after a pause, and all when that one got through', () => {
    breaker.trip('away');
    expect([entering(10_000), breaker.reason, breaker.waitMs]).toEqual([0, 'away', 1_000]);
    clock.advance(999);
    expect(entering(10_000)).toBe(0);
    clock.advance(1);
    expect(entering(10_000)).toBe(1);
    breaker.close();
    expect(entering(10_000)).toBe(10_000);
    expect(breaker.reason).toBeNull();
  });

  it('pauses twice as long after each that did not get through, at most a minute, and begins anew when one did', () => {
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      breaker.trip('away');
      pauses.push(breaker.waitMs);
      clock.advance(breaker.waitMs);
      expect(entering(2)).toBe(1);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000));
    breaker.close();
    breaker.trip('away');
    expect(breaker.waitMs).toBe(1_000);
  });

  it('counts several that fail together as one', () => {
    expect(entering(3)).toBe(3);
    for (const reason of ['first', 'second', 'third']) breaker.trip(reason);
    expect(breaker.waitMs).toBe(1_000);
    clock.advance(1_000);
    expect(entering(3)).toBe(1);
  });

  it('lets the next one in if the one that was in says nothing', () => {
    breaker.trip('away');
    clock.advance(1_000);
    expect(entering(3)).toBe(1);
    breaker.leave();
    expect(entering(3)).toBe(1);
    expect(breaker.reason).toBe('away');
  });
});
