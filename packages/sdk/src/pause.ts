import { setTimeout as sleep } from 'node:timers/promises';

/** Waits `ms`; throws the signal's own reason where it aborts meanwhile. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
