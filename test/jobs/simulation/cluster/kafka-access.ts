import type { Machine } from './machine.js';

/** How long a client waits for an answer. */
const TIMEOUT_MS = 20_000;

/** What the broker answers with instead of a result, and any answer that does not come. */
export class KafkaError extends Error {
  constructor(readonly kind: 'fenced' | 'transient') {
    super(kind);
  }
}

/** The requests of one connection to Kafka: each arrives late, or never, and so does its answer. */
export class KafkaAccess {
  constructor(
    private readonly machine: Machine,
    private readonly trouble: () => number,
    private readonly slowness: () => number = () => 0,
  ) {}

  request<T>(arrive: () => T): Promise<T> {
    const { world } = this.machine;
    return new Promise((resolve, reject) => {
      const fail = (ms: number, error: unknown): void =>
        world.later(ms, () => this.machine.deliver(() => reject(error)));
      const isLost = world.chance(this.trouble());
      const delay = world.chance(this.trouble() * 2)
        ? world.random() * 1.5 * TIMEOUT_MS
        : world.between(0.5, 8) + world.random() * this.slowness();
      // The client gives up; what it has sent may still arrive.
      if (isLost || delay > TIMEOUT_MS)
        fail(Math.min(delay + world.random() * 2_000, TIMEOUT_MS), new KafkaError('transient'));
      if (isLost) return;
      world.later(delay, () => {
        let result: T;
        try {
          result = arrive();
        } catch (error) {
          fail(1, error);
          return;
        }
        if (delay > TIMEOUT_MS) return;
        if (world.chance(this.trouble())) fail(world.random() * 2_000, new KafkaError('transient'));
        else world.later(world.between(0.5, 3), () => this.machine.deliver(() => resolve(result)));
      });
    });
  }
}
