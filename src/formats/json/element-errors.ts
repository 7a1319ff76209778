import { MAX_PATH_LENGTH } from '../limits.js';
import { prefix } from '../text.js';
import { RowErrors } from '../validation/row-problems.js';
import { duplicateError, unexpectedError, wrongCountError } from '../validation/structure-errors.js';
import { article, fieldError, missingError, nullError } from '../validation/value-check.js';
import type { SchemaMember, SchemaNode } from './schema-node.js';

/** What the values of one element have wrong, each with the path to where it stands. */
export class JsonRowErrors extends RowErrors {
  /** The member or item at each depth, from 1 on, that is being read. */
  readonly path: (string | number)[];

  constructor(maxDepth: number) {
    super();
    this.path = Array.from({ length: maxDepth + 1 }, () => 0);
  }

  /** A value, which begins with this text, is not of the kind that the place asks for. */
  addMismatch(place: SchemaNode, depth: number, text: string): void {
    const name = this.nameAt(depth);
    const type = place.type ?? '';
    if (place.scalar !== null) this.add(place.scalar.mismatchError(text, name));
    else {
      const code = place.isArray ? 'NOT_AN_ARRAY' : 'NOT_AN_OBJECT';
      this.add(fieldError(name, type, code, text, `is not ${article(type)}`));
    }
  }

  addNull(place: SchemaNode, depth: number): void {
    this.add(nullError(this.nameAt(depth), place.type ?? '', 'null'));
  }

  /** The required members that the place's object of this number did not have. */
  addMissing(place: SchemaNode, number: number, depth: number): void {
    for (const member of place.required) {
      if (member.seenIn === number) continue;
      this.path[depth] = member.name;
      this.add(missingError(this.nameAt(depth), member.place.type ?? ''));
    }
  }

  /** The model does not know the member at this depth. */
  addUnexpected(depth: number): void {
    if (!this.isFull) this.add(unexpectedError(this.nameAt(depth)));
  }

  /** An object has the member twice. */
  addRepeated(member: SchemaMember, depth: number): void {
    if (this.hasDuplicate) return;
    this.path[depth] = member.name;
    this.addDuplicate(duplicateError(this.nameAt(depth), member.place.type));
  }

  /** The place's array has fewer items or more than it may. */
  addWrongCount({ type, minItems, maxItems }: SchemaNode, count: number, depth: number): void {
    this.add(wrongCountError(this.nameAt(depth), type ?? '', count, minItems, maxItems));
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
}
