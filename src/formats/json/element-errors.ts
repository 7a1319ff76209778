import { MAX_ERRORS } from '../limits.js';
import type { FieldError } from '../row-reader.js';
import { prefix } from '../text.js';
import { duplicateError, unexpectedError, wrongCountError } from '../values/structure-errors.js';
import { article, fieldError, missingError, nullError } from '../values/value-check.js';
import type { Member, Place } from './place.js';

/** Of a path in an error, in UTF-16 code units. */
const MAX_PATH_LENGTH = 512;

/** What the values of one element have wrong, each with the path to where it stands. */
export class ElementErrors {
  /** The member or item at each depth, from 1 on, that is being read. */
  readonly path: (string | number)[];
  #found: FieldError[] | null = null;
  #duplicate: FieldError | null = null;

  constructor(maxDepth: number) {
    this.path = Array.from({ length: maxDepth + 1 }, () => 0);
  }

  /** null: there are none. */
  get found(): FieldError[] | null {
    return this.#found;
  }

  /** Of a member that an object has twice, the first one. */
  get duplicate(): FieldError | null {
    return this.#duplicate;
  }

  clear(): void {
    this.#found = null;
    this.#duplicate = null;
  }

  add(errors: FieldError[]): void {
    // One more than is kept says that there are more.
    if (errors.length > 0 && !this.#isFull) this.#found = [...(this.#found ?? []), ...errors];
  }

  /** A value, which begins with this text, is not of the kind that the place asks for. */
  addMismatch(place: Place, depth: number, text: string): void {
    const name = this.nameAt(depth);
    const type = place.type ?? '';
    if (place.scalar !== null) this.add([place.scalar.mismatchError(text, name)]);
    else {
      const code = place.isArray ? 'NOT_AN_ARRAY' : 'NOT_AN_OBJECT';
      this.add([fieldError(name, type, code, text, `is not ${article(type)}`)]);
    }
  }

  addNull(place: Place, depth: number): void {
    this.add([nullError(this.nameAt(depth), place.type ?? '', 'null')]);
  }

  /** The required members that the place's object of this number did not have. */
  addMissing(place: Place, number: number, depth: number): void {
    for (const member of place.required) {
      if (member.seenIn === number) continue;
      this.path[depth] = member.name;
      this.add([missingError(this.nameAt(depth), member.place.type ?? '')]);
    }
  }

  /** The model does not know the member at this depth. */
  addUnexpected(depth: number): void {
    if (!this.#isFull) this.add([unexpectedError(this.nameAt(depth))]);
  }

  addDuplicate(member: Member, depth: number): void {
    if (this.#duplicate !== null) return;
    this.path[depth] = member.name;
    this.#duplicate = duplicateError(this.nameAt(depth), member.place.type);
  }

  /** The place's array has fewer items or more than it may. */
  addWrongCount({ type, minItems, maxItems }: Place, count: number, depth: number): void {
    this.add([wrongCountError(this.nameAt(depth), type ?? '', count, minItems, maxItems)]);
  }

  /** Where in the row the value at this depth stands: `items[2].qty`. */
  nameAt(depth: number): string {
    let name = '';
    for (let level = 1; level <= depth; level++) {
      const step = this.path[level] as string | number;
      if (typeof step === 'number') name += `[${step}]`;
      else name += level === 1 ? step : `.${step}`;
      if (name.length > MAX_PATH_LENGTH) return prefix(name, MAX_PATH_LENGTH);
    }
    return name;
  }

  get #isFull(): boolean {
    return this.#found !== null && this.#found.length > MAX_ERRORS;
  }
}
