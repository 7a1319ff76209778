import type { CsvKernel } from './csv-kernel.js';
import { CONSTRAINTS, FOREIGN, RAGGED, ROW_BYTES, ROWS, STRAY, UNKNOWN } from './memory-layout.js';

const SLOTS = ROW_BYTES / 4;
const STOP = 1;
const LINE = 2;
const LEFT = 3;
const FIRST_ENTRY = 4;
const ENTRY_COUNT = 0xffff;

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
    return (this.#rows[row * SLOTS + LINE] as number) >>> 0;
  }

  isGood(row: number): boolean {
    return this.#left(row) === 0;
  }

  /** Nothing is left to check of it. */
  markGood(row: number): void {
    this.#rows[row * SLOTS + LEFT] = 0;
  }

  /** It is not valid UTF-8. */
  markForeign(row: number): void {
    this.#rows[row * SLOTS + LEFT] = this.#left(row) | FOREIGN;
  }

  /** It breaks at a quote. */
  isStray(row: number): boolean {
    return (this.#left(row) & STRAY) !== 0;
  }

  /** It has to be checked as a whole, not by its entries. */
  isUnknown(row: number): boolean {
    return (this.#left(row) & (RAGGED | FOREIGN | UNKNOWN)) !== 0;
  }

  /** All that may be wrong with it are constraints. */
  isTyped(row: number): boolean {
    return (this.#left(row) & (CONSTRAINTS | FOREIGN)) === CONSTRAINTS;
  }

  /** Its fields that are left to check. */
  firstEntry(row: number): number {
    return this.#rows[row * SLOTS + FIRST_ENTRY] as number;
  }

  entryCount(row: number): number {
    return this.#left(row) & ENTRY_COUNT;
  }

  #left(row: number): number {
    return this.#rows[row * SLOTS + LEFT] as number;
  }
}
