import type { CsvKernel } from './csv-kernel.js';
import { EVERYTHING, ROWS } from './memory-layout.js';

const SLOTS = 4;
const STOP = 1;
const LINE = 2;
const LEFT = 3;

/** The rows that phase 2 has put into the kernel's table, and how far they are decided. */
export class RowTable {
  /** The first undecided row. */
  next = 0;
  count = 0;
  readonly #rows: Int32Array;

  constructor({ memory }: CsvKernel) {
    this.#rows = new Int32Array(memory.buffer, ROWS);
  }

  get isDecided(): boolean {
    return this.next === this.count;
  }

  /** The row is memory[start, stop), without its line end. */
  start(row: number): number {
    return this.#rows[row * SLOTS] as number;
  }

  stop(row: number): number {
    return this.#rows[row * SLOTS + STOP] as number;
  }

  /** Its first physical line, from 1. */
  line(row: number): number {
    return this.#rows[row * SLOTS + LINE] as number;
  }

  /** It is good as far as the kernel can tell. */
  isGood(row: number): boolean {
    return this.#rows[row * SLOTS + LEFT] === 0;
  }

  /** Its fields that are left to check. */
  entries(row: number): number {
    return (this.#rows[row * SLOTS + LEFT] as number) & (EVERYTHING - 1);
  }

  /** The whole row is left to check. */
  isUnchecked(row: number): boolean {
    return ((this.#rows[row * SLOTS + LEFT] as number) & EVERYTHING) !== 0;
  }

  uncheck(row: number): void {
    this.#rows[row * SLOTS + LEFT] = (this.#rows[row * SLOTS + LEFT] as number) | EVERYTHING;
  }
}
