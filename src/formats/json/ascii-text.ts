/** Made into text at a time, in bytes. */
const ASCII_BLOCK = 32_768;

/** Texts out of a buffer's bytes, from a larger text that is made once for many of them: that is what costs. */
export class AsciiText {
  #text = '';
  #from = 0;

  /** The buffer holds other bytes now. */
  forget(): void {
    this.#text = '';
  }

  /** The ASCII text bytes[from, to); `end`: of the bytes there are. */
  slice(bytes: Buffer, from: number, to: number, end: number): string {
    if (from < this.#from || to > this.#from + this.#text.length) {
      if (to - from > ASCII_BLOCK) return bytes.toString('latin1', from, to);
      this.#from = from;
      this.#text = bytes.toString('latin1', from, Math.min(from + ASCII_BLOCK, end));
    }
    return this.#text.slice(from - this.#from, to - this.#from);
  }
}
