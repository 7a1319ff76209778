import { UnexpectedAnswer } from './kafka-failure.js';

/**
 * The promise's result, or UnexpectedAnswer if there is none after `ms`. kafkajs bounds its requests, but one that
 * meets a breaking connection at the wrong moment is never answered and never times out.
 */
export async function withTimeout<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new UnexpectedAnswer(`${what}: no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined); // it may still fail after nobody waits for it
  }
}

/** Resolves when the promise does or after `ms`, whichever comes first, and rejects as the promise does until then. */
export async function atMost(ms: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, enough]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined); // it may fail when nobody waits for it any more
  }
}
