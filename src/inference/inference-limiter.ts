import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '../errors/index.js';
import { inferInProcess, type ProcessLimits } from './inference-process.js';
import type { InferenceResult } from './inference-result.js';
import type { InferenceTask } from './ipc.js';

export interface InferenceLimits extends ProcessLimits {
  /** Number of inferences that run at a time, and of those that may wait. */
  concurrency: number;
  maxWaiting: number;
  maxWaitMs: number;
}

/** Looks at files, a bounded number at a time; the others wait their turn, no longer than is bearable. */
export class InferenceLimiter {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #closing = new AbortController();

  constructor(
    private readonly limits: InferenceLimits,
    private readonly work: typeof inferInProcess = inferInProcess,
  ) {}

  /** Throws SERVICE_BUSY if the queue is full. */
  requireCapacity(): void {
    const { concurrency, maxWaiting } = this.limits;
    if (this.#running >= concurrency && this.#waiting.length >= maxWaiting) throw busy();
  }

  /** Throws SERVICE_BUSY if it waits too long, and what `inferInProcess` throws. */
  async infer(task: InferenceTask, given: AbortSignal): Promise<InferenceResult> {
    this.requireCapacity();
    const signal = AbortSignal.any([given, this.#closing.signal]);
    if (this.#running < this.limits.concurrency) this.#running += 1;
    else await this.#acquire(signal);
    try {
      return await this.work(task, this.limits, signal);
    } finally {
      this.#release();
    }
  }

  /** Ends what is under way and takes nothing more. */
  close(): void {
    this.#closing.abort(new ServiceError('SERVICE_BUSY', 'The service is stopping'));
  }

  /** Resolves when the place of another has become this one's. */
  async #acquire(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<true>();
    const waiting = (): void => resolve(true);
    this.#waiting.push(waiting);
    const over = new AbortController();
    const timer = sleep(this.limits.maxWaitMs, false as const, { signal: AbortSignal.any([signal, over.signal]) });
    const isMine = await Promise.race([promise, timer.catch(() => false as const)]);
    over.abort();
    if (isMine && !signal.aborted) return;
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
    // It came at the same moment.
    else this.#release();
    signal.throwIfAborted();
    throw busy();
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

function busy(): ServiceError {
  return new ServiceError('SERVICE_BUSY', 'Too many schema inferences are in progress');
}
