/** A body that brings fewer bytes than these within that time is given up. */
export interface Rate {
  readonly bytes: number;
  readonly ms: number;
}

/** Far below every line that files are sent over: a body that brings a byte now and then would hold its job for ever. */
export const MIN_RATE: Rate = { bytes: 256 * 1024, ms: 60_000 };

/** How fast bytes come, over one span of time after the other. */
export class Pace {
  #bytes = 0;
  #ms = 0;

  constructor(private readonly least: Rate) {}

  /** `ms`: what these bytes were waited for. Throws, with the code `SlowBody`, at the end of a span that brought too few. */
  add(bytes: number, ms: number): void {
    this.#bytes += bytes;
    this.#ms += ms;
    if (this.#ms < this.least.ms) return;
    if (this.#bytes < this.least.bytes) {
      const detail = `${this.#bytes} bytes arrived in ${Math.round(this.#ms)} ms, fewer than ${this.least.bytes}`;
      throw Object.assign(new Error(detail), { code: 'SlowBody' });
    }
    this.#bytes = 0;
    this.#ms = 0;
  }
}
