import { ServiceError } from '../../src/errors/index.js';
import { InferenceLimiter } from '../../src/inference/inference-limiter.js';
import type { InferenceResult } from '../../src/inference/inference-result.js';
import type { InferenceTask } from '../../src/inference/ipc.js';

const LIMITS = { concurrency: 1, maxWaiting: 1, maxWaitMs: 60_000, timeoutMs: 60_000, maxRssBytes: 1 };
const TASK = {} as InferenceTask;
const INFERRED = {} as InferenceResult;
const BUSY = expect.objectContaining({ code: 'SERVICE_BUSY' });
const patient = new AbortController().signal;

/** A limiter whose work ends when it is told to. */
function limiterWith(limits: Partial<typeof LIMITS> = {}) {
  const started: PromiseWithResolvers<InferenceResult>[] = [];
  const signals: AbortSignal[] = [];
  const limiter = new InferenceLimiter({ ...LIMITS, ...limits }, (_task, _limits, signal) => {
    const work = Promise.withResolvers<InferenceResult>();
    signal.addEventListener('abort', () => work.reject(signal.reason));
    started.push(work);
    signals.push(signal);
    return work.promise;
  });
  return { limiter, started };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it('works on a limited number of files at a time, in the order in which they came', async () => {
  const { limiter, started } = limiterWith({ maxWaiting: 2 });
  const answers = [1, 2, 3].map(() => limiter.infer(TASK, patient));
  await expect(limiter.infer(TASK, patient)).rejects.toEqual(BUSY);
  expect(() => limiter.requireCapacity()).toThrow(ServiceError);
  for (let done = 0; done < 3; done++) {
    await settled();
    expect(started).toHaveLength(done + 1);
    started[done]?.resolve(INFERRED);
  }
  expect(await Promise.all(answers)).toEqual([INFERRED, INFERRED, INFERRED]);
  expect(() => limiter.requireCapacity()).not.toThrow();
});

it('gives the place on after a failure', async () => {
  const { limiter, started } = limiterWith();
  const first = limiter.infer(TASK, patient);
  const second = limiter.infer(TASK, patient);
  started[0]?.reject(new Error('it crashed'));
  await expect(first).rejects.toThrow('it crashed');
  await settled();
  started[1]?.resolve(INFERRED);
  expect(await second).toBe(INFERRED);
});

it('lets nobody wait for too long', async () => {
  const { limiter, started } = limiterWith({ maxWaitMs: 1 });
  const first = limiter.infer(TASK, patient);
  await expect(limiter.infer(TASK, patient)).rejects.toEqual(BUSY);
  started[0]?.resolve(INFERRED);
  await first;
  const third = limiter.infer(TASK, patient);
  started[1]?.resolve(INFERRED);
  expect(await third).toBe(INFERRED);
});

it('forgets a client that went away, waiting or not', async () => {
  const { limiter, started } = limiterWith();
  const away = [new AbortController(), new AbortController()];
  const [running, waiting] = away.map(({ signal }) => limiter.infer(TASK, signal));
  const reason = new ServiceError('INVALID_REQUEST', 'The client went away');
  away[1]?.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  away[0]?.abort(reason);
  await expect(running).rejects.toBe(reason);
  const next = limiter.infer(TASK, patient);
  await settled();
  started[1]?.resolve(INFERRED);
  expect(await next).toBe(INFERRED);
});

it('ends everything when it closes', async () => {
  const { limiter } = limiterWith();
  const answers = [limiter.infer(TASK, patient), limiter.infer(TASK, patient)];
  limiter.close();
  for (const answer of answers) await expect(answer).rejects.toEqual(BUSY);
});
