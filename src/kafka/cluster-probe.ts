import { ServiceError } from '../errors/index.js';
import type { ClusterState } from './cluster-state.js';
import { atMost } from './timeout.js';

interface Times {
  /** How long a caller waits. */
  answerMs: number;
  /** How long a look counts. */
  freshMs: number;
  /** The same if something is wrong, which may be mended at any time. */
  freshTroubleMs: number;
}

const TIMES: Times = { answerMs: 1_500, freshMs: 30_000, freshTroubleMs: 1_000 };

/**
 * Tells whether the brokers can do what exactly once takes, and keeps what they say of themselves. It looks when somebody
 * asks, at most every 30 s, or every second while jobs cannot be written or that is not known.
 */
export class ClusterProbe {
  #state: ClusterState | null = null;
  #freshUntil = 0;
  #looking: Promise<void> | undefined;

  /** `read`: as `readClusterState`. */
  constructor(
    private readonly read: () => Promise<ClusterState>,
    private readonly times = TIMES,
  ) {}

  /** As of the last look that reached a broker; null: there was none. */
  get state(): ClusterState | null {
    return this.#state;
  }

  /**
   * Throws ServiceError KAFKA_UNSUPPORTED. While the brokers are known to be good nobody waits; else for at most 1.5 s. A look
   * that fails, or takes longer, changes nothing: who cannot be asked is not unsupported.
   */
  async check(): Promise<void> {
    const looking = this.look();
    if (this.#state === null || this.#state.unsupported !== null) await atMost(this.times.answerMs, looking);
    const unsupported = this.#state?.unsupported ?? null;
    if (unsupported === null) return;
    throw new ServiceError('KAFKA_UNSUPPORTED', `The brokers cannot write jobs exactly once: ${unsupported}`);
  }

  /** Resolves when the state is fresh, or cannot be told. Never rejects. */
  async look(): Promise<void> {
    if (performance.now() < this.#freshUntil) return;
    this.#looking ??= this.#read().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #read(): Promise<void> {
    let isGood = false;
    try {
      const state = await this.read();
      isGood = state.unsupported === null && state.failure === null;
      // What was refused is not granted by an answer that is missing.
      const unsupported = state.unsupported ?? (state.failure === null ? null : (this.#state?.unsupported ?? null));
      this.#state = { ...state, unsupported };
    } catch {
      // No broker answers: KafkaProbe says so.
    }
    this.#freshUntil = performance.now() + (isGood ? this.times.freshMs : this.times.freshTroubleMs);
  }
}
