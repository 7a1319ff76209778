import { MAX_ERRORS } from '../../limits.js';
import type { FieldError } from '../../row-reader.js';
import { prefix } from '../../text.js';

/** Of a path in an error, in UTF-16 code units. */
const MAX_PATH_LENGTH = 512;

/** What is wrong with one row. */
export class RowProblems {
  readonly #errors: FieldError[] = [];
  #duplicate: FieldError | null = null;

  /** What is found beyond is not told. */
  get isFull(): boolean {
    // One more than is kept says that there are more.
    return this.#errors.length > MAX_ERRORS;
  }

  add(...found: FieldError[]): void {
    if (!this.isFull) this.#errors.push(...found);
  }

  /** A name that is there twice: which of the values is meant, nobody knows. */
  addDuplicate(error: FieldError): void {
    this.#duplicate ??= error;
  }

  /** In the order in which rows of JSON have them. */
  get errors(): FieldError[] {
    return this.#duplicate === null ? this.#errors : [this.#duplicate];
  }
}

/** The place of a member or item inside the value at `path`; `step`: `.qty`, `[2]`. */
export function pathTo(path: string, step: string): string {
  return prefix(path + step, MAX_PATH_LENGTH);
}
