import type { Clock } from '../domain/clock.js';

/** A statement may hang on a connection that is gone, for longer than a lease lasts: the next one takes another. */
const ANSWER_MS = 5_000;

/** As the store's answer; rejects if there is none within ANSWER_MS. */
export async function inTime<T>(clock: Clock, answer: Promise<T>): Promise<T> {
  const silence = Promise.withResolvers<never>();
  const cancel = clock.schedule(ANSWER_MS, () =>
    silence.reject(new Error(`the store did not answer within ${ANSWER_MS} ms`)),
  );
  try {
    return await Promise.race([answer, silence.promise]);
  } finally {
    cancel();
  }
}
