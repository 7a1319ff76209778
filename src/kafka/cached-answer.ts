/** Asks once for all who want to know meanwhile; a good answer counts for `holdMs`, a refusal is asked for again. */
export class CachedAnswer {
  #goodUntil = 0;
  #running: Promise<void> | undefined;

  constructor(
    private readonly ask: () => Promise<void>,
    private readonly holdMs: number,
  ) {}

  /** Rejects as `ask` does. */
  async get(): Promise<void> {
    if (performance.now() < this.#goodUntil) return;
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #ask(): Promise<void> {
    await this.ask();
    this.#goodUntil = performance.now() + this.holdMs;
  }
}
