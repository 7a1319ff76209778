import { shorten } from '../formats/index.js';
import type { ColumnStats } from './inference-result.js';

const MAX_EXAMPLES = 5;
/** Limit of an example, in UTF-16 code units (and so in characters). */
const MAX_EXAMPLE_LENGTH = 80;

/** An example, cut. */
export function exampleOf(text: string): string {
  return shorten(text, MAX_EXAMPLE_LENGTH);
}

/** The least and the greatest value, cut. */
export function extremes({ min, max }: Pick<ColumnStats, 'min' | 'max'>): Pick<ColumnStats, 'min' | 'max'> {
  return { min: min && exampleOf(min), max: max && exampleOf(max) };
}

/** The different values of a column, and how long they are. */
export class ValueSummary {
  readonly #distinct = new Set<string>();
  #distinctCapped = false;
  #minLength = Number.POSITIVE_INFINITY;
  #maxLength = 0;

  constructor(
    /** Different values that are remembered. */
    private readonly maxDistinct: number,
  ) {}

  /** There are more than are remembered. */
  get isCapped(): boolean {
    return this.#distinctCapped;
  }

  take(text: string): void {
    const length = characters(text);
    this.#minLength = Math.min(this.#minLength, length);
    this.#maxLength = Math.max(this.#maxLength, length);
    if (this.#distinct.size < this.maxDistinct) this.#distinct.add(text);
    else if (!this.#distinctCapped) this.#distinctCapped = !this.#distinct.has(text);
  }

  evidence(
    isText: boolean,
  ): Pick<ColumnStats, 'distinct' | 'distinct_capped' | 'min_length' | 'max_length' | 'examples'> {
    const hasLength = isText && this.#distinct.size > 0;
    return {
      distinct: this.#distinct.size,
      distinct_capped: this.#distinctCapped,
      min_length: hasLength ? this.#minLength : null,
      max_length: hasLength ? this.#maxLength : null,
      examples: [...this.#distinct].slice(0, MAX_EXAMPLES).map(exampleOf),
    };
  }
}

/** Code points, as maxLength counts them. */
function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0xd800 && code <= 0xdbff) count -= 1;
  }
  return count;
}
