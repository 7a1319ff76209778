import type { Clock } from '../domain/clock.js';

/** A statement may hang on a connection that is gone, for longer than a lease lasts: the next one takes another. */
export const STORE_ANSWER_MS = 5_000;

/** As the promise; rejects if it has not settled after `ms`. */
export async function inTime<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  const silence = Promise.withResolvers<never>();
  const cancel = clock.schedule(ms, () => silence.reject(new Error(`no answer within ${ms} ms`)));
  try {
    return await Promise.race([promise, silence.promise]);
  } finally {
    cancel();
  }
}
