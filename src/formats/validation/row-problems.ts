import { MAX_ERRORS, MAX_PATH_LENGTH } from '../limits.js';
import type { FieldError } from '../row-reader.js';
import { prefix } from '../text.js';

/** What is wrong with the values of one row, whose places may be inside of others. */
export class RowErrors {
  #found: FieldError[] | null = null;
  #duplicate: FieldError | null = null;

  /** What is found beyond is not told. */
  get isFull(): boolean {
    // One more than is kept says that there are more.
    return this.#found !== null && this.#found.length > MAX_ERRORS;
  }

  get hasDuplicate(): boolean {
    return this.#duplicate !== null;
  }

  add(...found: FieldError[]): void {
    if (found.length === 0 || this.isFull) return;
    this.#found ??= [];
    this.#found.push(...found);
  }

  /** A name that is there twice: which of the values is meant, nobody knows. The first one is told. */
  addDuplicate(error: FieldError): void {
    this.#duplicate ??= error;
  }

  /** null: nothing is wrong. */
  get errors(): FieldError[] | null {
    return this.#duplicate === null ? this.#found : [this.#duplicate];
  }

  /** Another row begins. */
  clear(): void {
    this.#found = null;
    this.#duplicate = null;
  }
}

/** The place of a member or item inside the value at `path`; `step`: `.qty`, `[2]`. */
export function pathTo(path: string, step: string): string {
  return prefix(path + step, MAX_PATH_LENGTH);
}
