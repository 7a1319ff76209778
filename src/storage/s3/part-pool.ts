/** Buffers that are kept while nobody uses them, for the next small file. */
const MAX_IDLE = 4;

/**
 * The memory of all files that come in: at most `count` buffers of `partBytes` each, in shared memory. Who waits for one
 * gets it in the order of the calls, and should hold none while it waits: then somebody always comes to the end.
 */
export class PartPool {
  #used = 0;
  readonly #idle: Buffer[] = [];
  readonly #waiting: ((buffer: Buffer) => void)[] = [];

  constructor(
    readonly partBytes: number,
    private readonly count: number,
  ) {}

  /** A buffer with any content; to be released. */
  async acquire(): Promise<Buffer> {
    return this.tryAcquire() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** undefined: none is free. */
  tryAcquire(): Buffer | undefined {
    if (this.#used >= this.count) return undefined;
    this.#used += 1;
    return this.#idle.pop() ?? Buffer.from(new SharedArrayBuffer(this.partBytes));
  }

  release(buffer: Buffer): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next(buffer);
      return;
    }
    this.#used -= 1;
    if (this.#idle.length < Math.max(MAX_IDLE, this.#used)) this.#idle.push(buffer);
  }
}
