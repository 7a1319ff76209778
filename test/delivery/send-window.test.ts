import fc from 'fast-check';
import { MAX_WINDOW_BYTES, MIN_WINDOW_BYTES, SendWindow } from '../../src/delivery/send-window.js';

const BATCH_BYTES = 1_048_576;
const TIMEOUT_MS = 30_000;

/** A window after these answers, one after another. */
function windowAfter(...latencies: number[]): SendWindow {
  const window = new SendWindow();
  let now = 0;
  for (const latency of latencies) {
    const sentAt = now;
    now += latency;
    window.acknowledged({ bytes: BATCH_BYTES, sentAt, timeoutMs: TIMEOUT_MS }, now);
  }
  return window;
}

/**
 * Sends as much as the window lets through over a connection that carries this number of bytes a millisecond, until all
 * batches are acknowledged. Returns when that was, and the longest time that what was on its way took.
 */
function send(window: SendWindow, rate: number, timeoutMs: number, batches: number, from = 0) {
  const inFlight: { sentAt: number; arrivesAt: number }[] = [];
  let [now, arrivesAt, longestMs] = [from, from, 0];
  for (let left = batches; left > 0; left--) {
    while (inFlight.length * BATCH_BYTES < window.bytes) {
      arrivesAt = Math.max(arrivesAt, now) + BATCH_BYTES / rate;
      inFlight.push({ sentAt: now, arrivesAt });
    }
    longestMs = Math.max(longestMs, arrivesAt - now);
    const first = inFlight.shift() as (typeof inFlight)[number];
    now = first.arrivesAt;
    window.acknowledged({ bytes: BATCH_BYTES, sentAt: first.sentAt, timeoutMs }, now);
  }
  return { now, longestMs };
}

describe('the send window', () => {
  it('begins with one batch and is all open after a few tens of quick answers', () => {
    expect(windowAfter().bytes).toBe(MIN_WINDOW_BYTES);
    expect(windowAfter(5).bytes).toBe(MIN_WINDOW_BYTES + BATCH_BYTES);
    expect(windowAfter(...Array<number>(20).fill(5)).bytes).toBe(MAX_WINDOW_BYTES);
  });

  it('stays as it is while answers are neither quick nor slow', () => {
    expect(windowAfter(5, 5, 2_500, 4_000, 5_000).bytes).toBe(MIN_WINDOW_BYTES + 2 * BATCH_BYTES);
  });

  it('halves for a slow answer, once for all that was sent before', () => {
    const window = windowAfter(...Array<number>(20).fill(5));
    for (let i = 0; i < 16; i++) {
      window.acknowledged({ bytes: BATCH_BYTES, sentAt: 100, timeoutMs: TIMEOUT_MS }, 5_101 + i);
    }
    expect(window.bytes).toBe(MAX_WINDOW_BYTES / 2);
    window.acknowledged({ bytes: BATCH_BYTES, sentAt: 5_101, timeoutMs: TIMEOUT_MS }, 11_000);
    expect(window.bytes).toBe(MAX_WINDOW_BYTES / 4);
  });

  it('halves when a session fails, down to one batch', () => {
    const window = windowAfter(...Array<number>(20).fill(5));
    for (let i = 0; i < 3; i++) window.halve(i);
    expect(window.bytes).toBe(MAX_WINDOW_BYTES / 8);
    for (let i = 0; i < 10; i++) window.halve(i);
    expect(window.bytes).toBe(MIN_WINDOW_BYTES);
  });

  it('takes less time for granted where transactions time out sooner', () => {
    const window = new SendWindow();
    window.acknowledged({ bytes: BATCH_BYTES, sentAt: 0, timeoutMs: TIMEOUT_MS }, 1_000);
    expect(window.bytes).toBe(MIN_WINDOW_BYTES + BATCH_BYTES);
    window.acknowledged({ bytes: BATCH_BYTES, sentAt: 1_000, timeoutMs: 10_000 }, 2_000);
    expect(window.bytes).toBe(MIN_WINDOW_BYTES + BATCH_BYTES);
    window.acknowledged({ bytes: BATCH_BYTES, sentAt: 2_000, timeoutMs: 10_000 }, 4_000);
    expect(window.bytes).toBe((MIN_WINDOW_BYTES + BATCH_BYTES) / 2);
  });

  it('keeps what is on its way within half of the time-out, whatever the connection carries', () => {
    // From what takes one batch a sixth of the time-out on.
    const rates = fc.double({ min: (6 * BATCH_BYTES) / 10_000, max: 1_000_000, noNaN: true });
    fc.assert(
      fc.property(rates, fc.constantFrom(10_000, TIMEOUT_MS), (rate, timeoutMs) => {
        const window = new SendWindow();
        const { longestMs } = send(window, rate, timeoutMs, 300);
        expect(longestMs).toBeLessThan(timeoutMs / 2);
        expect(window.bytes).toBeGreaterThanOrEqual(MIN_WINDOW_BYTES);
        expect(window.bytes).toBeLessThanOrEqual(MAX_WINDOW_BYTES);
      }),
    );
  });

  it('follows a connection that has become slow', () => {
    const window = new SendWindow();
    const fast = send(window, 1_000_000, TIMEOUT_MS, 100);
    expect(window.bytes).toBe(MAX_WINDOW_BYTES);
    const slow = send(window, 1_000, TIMEOUT_MS, 60, fast.now);
    expect(send(window, 1_000, TIMEOUT_MS, 60, slow.now).longestMs).toBeLessThan(TIMEOUT_MS / 2);
  });
});
