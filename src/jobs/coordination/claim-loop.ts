import type { Logger } from 'pino';
import type { Runners } from '../../runner/index.js';
import type { Clock } from '../domain/clock.js';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { Intent } from '../store/claim.js';
import type { JobCoordinator } from './coordinator.js';

export interface ClaimLoopOptions {
  coordinator: Pick<JobCoordinator, 'claim' | 'noticeCancels'>;
  runners: Pick<Runners, 'free'>;
  notifier: JobNotifier;
  clock: Clock;
  log: Logger;
  /** 0 ≤ x < 1 (Math.random). */
  random?: () => number;
}

const INTENTS = ['run', 'reconcile'] as const satisfies readonly Intent[];
/** At least, and twice as long at most: workers that began together do not look together. */
const LOOK_EVERY_MS = 5_000;
/** After a failure of the store. */
const RETRY_MS = 1_000;

/**
 * Claims jobs while runners are free: when it is woken, when a runner becomes free, and every 5 to 10 s, whatever the
 * notifier has lost.
 */
export class ClaimLoop {
  readonly #claiming = new Map<Intent, Promise<void>>();
  /** Woken while it was claiming, and so perhaps behind the last look. */
  readonly #missed = new Set<Intent>();
  #cancelLook: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #isRunning = false;

  constructor(private readonly options: ClaimLoopOptions) {
    options.notifier.onWake((jobId) => {
      if (!this.#isRunning) return;
      options.coordinator.noticeCancels([jobId]);
      this.#wakeAll();
    });
  }

  start(): void {
    this.#isRunning = true;
    this.#look();
  }

  /** A runner is free for this. */
  wake(intent: Intent): void {
    if (!this.#isRunning) return;
    if (this.#claiming.has(intent)) this.#missed.add(intent);
    else if (this.options.runners.free(intent) > 0) this.#claiming.set(intent, this.#claimAll(intent));
  }

  /** Resolves when what is being claimed is with its runner. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelLook?.();
    this.#cancelRetry?.();
    await Promise.all(this.#claiming.values());
  }

  #wakeAll(): void {
    for (const intent of INTENTS) this.wake(intent);
  }

  #look(): void {
    const { coordinator, clock, random = Math.random } = this.options;
    coordinator.noticeCancels();
    this.#wakeAll();
    this.#cancelLook = clock.schedule(LOOK_EVERY_MS * (1 + random()), () => this.#look());
  }

  /** Never rejects. */
  async #claimAll(intent: Intent): Promise<void> {
    const { coordinator, runners, log } = this.options;
    try {
      let isMore = true;
      while (isMore && this.#isRunning && runners.free(intent) > 0) {
        this.#missed.delete(intent);
        isMore = (await coordinator.claim(intent)) || this.#missed.has(intent);
      }
    } catch (error) {
      log.error({ err: error }, 'could not claim a job, retrying');
      this.#retry();
    } finally {
      this.#claiming.delete(intent);
    }
  }

  #retry(): void {
    this.#cancelRetry?.();
    if (this.#isRunning) this.#cancelRetry = this.options.clock.schedule(RETRY_MS, () => this.#wakeAll());
  }
}
